//! Git's paths are bytes without a limit; document keys are text of at most 4,096 bytes.

use ax_model::ContentHash;
use gix::bstr::BStr;
use std::fmt::Write as _;

/// Longest path of a document key, as `ax_model::DocKey` has it.
const MAX_BYTES: usize = 4096;
/// What is left of a longer one, before its hash.
const KEPT_BYTES: usize = 4000;

/// The path as it stands in a document key. Distinct paths stay distinct:
///
/// - a byte that is not UTF-8 becomes U+FFFD and two hex digits, and so does each byte of a real
///   U+FFFD; a lossy conversion would let two files fight for one key;
/// - a path over the limit is cut, and ends in `…` and a hash of the whole.
pub fn key_path(raw: &BStr) -> String {
    let text = match std::str::from_utf8(raw) {
        Ok(text) if !text.contains(char::REPLACEMENT_CHARACTER) => text.to_owned(),
        _ => escape(raw),
    };
    if text.len() <= MAX_BYTES { text } else { shorten(&text) }
}

fn escape(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len() + 16);
    let push_bytes = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "{}{byte:02x}", char::REPLACEMENT_CHARACTER); // a String takes all
        }
    };
    for chunk in raw.utf8_chunks() {
        for (i, piece) in chunk.valid().split(char::REPLACEMENT_CHARACTER).enumerate() {
            if i > 0 {
                push_bytes(&mut text, "\u{fffd}".as_bytes());
            }
            text.push_str(piece);
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text
}

fn shorten(text: &str) -> String {
    let cut = text.floor_char_boundary(KEPT_BYTES);
    let hash = ContentHash::of(text.as_bytes()).to_string();
    format!("{}…{}", &text[..cut], &hash[..32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_itself() {
        assert_eq!(key_path("src/é.rs".into()), "src/é.rs");
    }

    #[test]
    fn other_bytes_are_escaped() {
        assert_eq!(key_path(b"a\xff/b".as_slice().into()), "a\u{fffd}ff/b");
        assert_eq!(key_path("a\u{fffd}ff/b".into()), "a\u{fffd}ef\u{fffd}bf\u{fffd}bdff/b");
    }

    #[test]
    fn long_paths_are_cut_and_stay_distinct() {
        let long = |last: &str| key_path(format!("{}{last}", "é/".repeat(3000)).as_str().into());
        assert!(long("a").len() <= MAX_BYTES);
        assert_ne!(long("a"), long("b"));
    }

    proptest! {
        #[test]
        fn distinct_paths_have_distinct_keys(
            a in proptest::collection::vec(prop_oneof![Just(0xefu8), Just(0xbf), Just(0xbd), Just(b'f'), Just(0xff)], 0..8),
            b in proptest::collection::vec(prop_oneof![Just(0xefu8), Just(0xbf), Just(0xbd), Just(b'f'), Just(0xff)], 0..8),
        ) {
            let (key_a, key_b) = (key_path(a.as_slice().into()), key_path(b.as_slice().into()));
            prop_assert_eq!(key_a == key_b, a == b);
        }
    }
}
