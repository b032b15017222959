//! From a blob's bytes to searchable UTF-8 text, or the reason why there is none. Pure.
//!
//! | bytes | becomes |
//! |---|---|
//! | Git LFS pointer | skipped: `lfs-pointer` |
//! | UTF-8 with a byte order mark | text without the mark, encoding `utf-8-bom` |
//! | UTF-16 or UTF-32 with a mark | converted; malformed: `undecodable` |
//! | a NUL in the first 8 KiB, every second byte NUL | UTF-16 without a mark, if it decodes |
//! | a NUL in the first 8 KiB otherwise | skipped: `binary` |
//! | valid UTF-8 | itself |
//! | other, hardly any control characters | stray bytes read as Windows-1252 |
//! | other | skipped: `binary` |
//!
//! The mark is stripped so that `^` finds the first line, as ripgrep does.

use ax_model::SkipReason;
use bytes::Bytes;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far to look for NUL bytes, as git does.
const SNIFF_BYTES: usize = 8 << 10;
/// A pointer file is shorter than this, says the Git LFS specification.
const LFS_MAX_BYTES: usize = 1024;

/// Searchable text and the encoding that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// UTF-8.
    pub bytes: Bytes,
    /// Encoding that was converted; empty when it was plain UTF-8.
    pub encoding: &'static str,
}

/// Decides what `raw` is.
pub fn classify(raw: Vec<u8>) -> Result<Text, SkipReason> {
    if is_lfs_pointer(&raw) {
        return Err(SkipReason::LfsPointer);
    }
    if let Some(decoded) = by_mark(&raw) {
        return decoded;
    }
    if raw[..raw.len().min(SNIFF_BYTES)].contains(&0) {
        return utf16_without_mark(&raw).ok_or(SkipReason::Binary);
    }
    match std::str::from_utf8(&raw) {
        Ok(_) => Ok(Text { bytes: raw.into(), encoding: "" }),
        Err(_) => stray_bytes(&raw),
    }
}

/// A Git LFS pointer: its first line names the specification, one names the object.
fn is_lfs_pointer(raw: &[u8]) -> bool {
    const FIRST: [&[u8]; 2] = [
        b"version https://git-lfs.github.com/spec/v1\n",
        b"version https://hawser.github.com/spec/v1\n",
    ];
    raw.len() < LFS_MAX_BYTES
        && FIRST.iter().any(|first| raw.starts_with(first))
        && raw.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"oid sha256:"))
}

/// Decodes what starts with a byte order mark; `None` when nothing does.
fn by_mark(raw: &[u8]) -> Option<Result<Text, SkipReason>> {
    // The UTF-32 mark starts with the UTF-16 one, so it is asked for first.
    let (decoded, encoding) = match raw {
        [0xff, 0xfe, 0, 0, rest @ ..] => (utf32(rest, u32::from_le_bytes), "utf-32le"),
        [0, 0, 0xfe, 0xff, rest @ ..] => (utf32(rest, u32::from_be_bytes), "utf-32be"),
        [0xff, 0xfe, rest @ ..] => (utf16(rest, UTF_16LE), "utf-16le"),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, UTF_16BE), "utf-16be"),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            // A mark before bytes that are not UTF-8 declares nothing; the general rules apply.
            let text = std::str::from_utf8(rest).ok()?;
            (Some(text.to_owned()), "utf-8-bom")
        }
        _ => return None,
    };
    Some(match decoded {
        Some(text) if text.contains('\0') => Err(SkipReason::Binary),
        Some(text) => Ok(Text { bytes: text.into(), encoding }),
        None => Err(SkipReason::Undecodable),
    })
}

fn utf16(raw: &[u8], encoding: &'static Encoding) -> Option<String> {
    if !raw.len().is_multiple_of(2) {
        return None;
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(raw)
        .map(std::borrow::Cow::into_owned)
}

fn utf32(raw: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    let (chunks, rest) = raw.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    chunks.iter().map(|bytes| char::from_u32(unit(*bytes))).collect()
}

/// UTF-16 without a mark: in text of mostly ASCII letters every second byte is NUL, the other never.
fn utf16_without_mark(raw: &[u8]) -> Option<Text> {
    let (pairs, rest) = raw[..raw.len().min(SNIFF_BYTES)].as_chunks::<2>();
    if !rest.is_empty() || pairs.len() < 4 {
        return None;
    }
    let mostly = |wanted: fn(&[u8; 2]) -> bool| {
        pairs.iter().filter(|pair| wanted(pair)).count() * 10 >= pairs.len() * 7
    };
    let (encoding, name) = if mostly(|pair| pair[1] == 0 && is_plain(pair[0])) {
        (UTF_16LE, "utf-16le")
    } else if mostly(|pair| pair[0] == 0 && is_plain(pair[1])) {
        (UTF_16BE, "utf-16be")
    } else {
        return None;
    };
    let text = utf16(raw, encoding).filter(|text| !text.contains('\0'))?;
    Some(Text { bytes: text.into(), encoding: name })
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}

/// Text with bytes that are not UTF-8: valid pieces stay, each stray byte is read as Windows-1252.
/// Rejected: reading all of it as Windows-1252, which would garble a UTF-8 file over one bad byte.
fn stray_bytes(raw: &[u8]) -> Result<Text, SkipReason> {
    let controls = raw.iter().filter(|byte| is_control(**byte)).count();
    if controls * 200 > raw.len() {
        return Err(SkipReason::Binary);
    }
    let mut text = String::with_capacity(raw.len() + raw.len() / 8);
    let mut has_utf8 = false;
    for chunk in raw.utf8_chunks() {
        has_utf8 |= !chunk.valid().is_ascii();
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    let encoding = if has_utf8 { "utf-8+windows-1252" } else { "windows-1252" };
    Ok(Text { bytes: text.into(), encoding })
}

/// Control characters that text does not hold: not tab, line feed, form feed, return, escape.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | 0x1b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(raw: &[u8]) -> (String, &'static str) {
        let text = classify(raw.to_vec()).unwrap();
        (String::from_utf8(text.bytes.to_vec()).unwrap(), text.encoding)
    }

    fn skipped(raw: &[u8]) -> SkipReason {
        classify(raw.to_vec()).unwrap_err()
    }

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_stays_as_it_is() {
        for plain in ["", "a", "no final newline", "crlf\r\n", "é ∂ 🦀\n", "form\x0cfeed\x1b[0m"]
        {
            assert_eq!(text(plain.as_bytes()), (plain.to_owned(), ""));
        }
    }

    #[test]
    fn marks_decide() {
        assert_eq!(text(b"\xef\xbb\xbfhello"), ("hello".into(), "utf-8-bom"));
        assert_eq!(text(b"\xff\xfeh\0\xe9\0"), ("hé".into(), "utf-16le"));
        assert_eq!(text(b"\xfe\xff\0h\0\xe9"), ("hé".into(), "utf-16be"));
        assert_eq!(text(b"\xff\xfe\0\0h\0\0\0"), ("h".into(), "utf-32le"));
        assert_eq!(text(b"\0\0\xfe\xff\0\0\0h"), ("h".into(), "utf-32be"));
        assert_eq!(text(b"\xff\xfe"), (String::new(), "utf-16le"));
    }

    #[test]
    fn a_mark_before_something_else_is_said() {
        assert_eq!(skipped(b"\xff\xfeh\0\xe9"), SkipReason::Undecodable, "odd length");
        assert_eq!(skipped(b"\xff\xfe\x00\xd8h\0"), SkipReason::Undecodable, "lone surrogate");
        assert_eq!(skipped(b"\xfe\xff\0h\0\0"), SkipReason::Binary, "NUL in the text");
    }

    #[test]
    fn utf16_without_a_mark() {
        let program = "int main(void)\r\n{\r\n  return 0; // à\r\n}\r\n";
        assert_eq!(text(&utf16le(program)), (program.into(), "utf-16le"));
        let be: Vec<u8> = program.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&be), (program.into(), "utf-16be"));
    }

    #[test]
    fn binaries() {
        assert_eq!(skipped(b"\x7fELF\x02\x01\x01\0\0\0\0\0"), SkipReason::Binary);
        assert_eq!(skipped(b"\0"), SkipReason::Binary);
        assert_eq!(skipped(&[0x80, 0x01, 0x02, 0x03]), SkipReason::Binary);
        let mut late = vec![b'a'; SNIFF_BYTES];
        late.push(0);
        assert!(classify(late).is_ok(), "a NUL after the first 8 KiB does not count, as in git");
    }

    #[test]
    fn older_encodings() {
        assert_eq!(text(b"caf\xe9\n"), ("café\n".into(), "windows-1252"));
        assert_eq!(text(b"\x93quoted\x94"), ("“quoted”".into(), "windows-1252"));
        let mixed = b"caf\xc3\xa9 and caf\xe9";
        assert_eq!(text(mixed), ("café and café".into(), "utf-8+windows-1252"));
    }

    #[test]
    fn lfs_pointers() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert_eq!(skipped(pointer), SkipReason::LfsPointer);
        assert!(classify(b"version https://git-lfs.github.com/spec/v1\n".to_vec()).is_ok());
        let mut long = pointer.to_vec();
        long.resize(LFS_MAX_BYTES, b' ');
        assert!(classify(long).is_ok(), "a file about pointers is no pointer");
    }

    proptest! {
        #[test]
        fn whatever_comes_out_is_utf8(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(text) = classify(raw) {
                prop_assert!(std::str::from_utf8(&text.bytes).is_ok());
            }
        }

        #[test]
        fn valid_utf8_without_nul_is_untouched(plain in "[^\0\u{feff}]{0,80}") {
            prop_assume!(!is_lfs_pointer(plain.as_bytes()));
            let text = classify(plain.clone().into_bytes()).unwrap();
            prop_assert_eq!(&text.bytes[..], plain.as_bytes());
        }
    }
}
