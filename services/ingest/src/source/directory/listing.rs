//! What the last scan saw of each file, so that the next one need not read it again. A cache: a
//! missing or damaged listing costs a full read, nothing else.
//!
//! ```text
//! listing = "AXDIR\x01\n" record*                 in the order of paths, as git sorts trees
//! record  = path_len:u32 path:bytes id:20 size:u64 mtime:i128 ctime:i128 inode:u64
//!           text_bytes:u64 skipped:u8 settled:u8            integers in little endian
//! ```

use gix::{
    ObjectId,
    bstr::{BStr, BString},
};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const MAGIC: &[u8; 7] = b"AXDIR\x01\n";
/// A file written this shortly before it was looked at may be written again within the same tick of
/// its file system's clock, with the same size: it is read again next time. FAT ticks every 2 s.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What tells that a file was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
    inode: u64,
}

impl Stamp {
    /// The stamp of a file, from its metadata.
    pub fn of(meta: &std::fs::Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            size: meta.size(),
            mtime_ns: ns(meta.mtime(), meta.mtime_nsec()),
            ctime_ns: ns(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }

    /// True when the file cannot change any more without its stamp changing too.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let limit = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let limit = limit.saturating_sub(UNSETTLED).as_nanos();
        i128::try_from(limit).is_ok_and(|limit| self.mtime_ns.max(self.ctime_ns) < limit)
    }

    /// Time of the last write, in milliseconds since 1970.
    pub fn written_ms(&self) -> i64 {
        i64::try_from(self.mtime_ns / 1_000_000).unwrap_or_default()
    }
}

/// What is remembered of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its stamp.
    pub stamp: Stamp,
    /// Id of its content.
    pub id: ObjectId,
    /// Bytes of text in it.
    pub text_bytes: u64,
    /// Its text is left out.
    pub skipped: bool,
    /// Its stamp can be trusted.
    pub settled: bool,
}

/// Reads a listing forward, beside a scan in the same order.
pub struct ListingReader {
    input: Option<BufReader<File>>,
    next: Option<(BString, Seen)>,
}

impl ListingReader {
    /// Opens a listing; one that is not there, or not ours, is empty.
    pub fn open(path: &Path) -> Self {
        let mut input = File::open(path).ok().map(BufReader::new);
        let mut magic = [0; MAGIC.len()];
        let ours = input.as_mut().is_some_and(|input| input.read_exact(&mut magic).is_ok());
        if !ours || magic != *MAGIC {
            input = None;
        }
        let mut reader = Self { input, next: None };
        reader.advance();
        reader
    }

    /// What the listing has for `path`. Paths must be asked for in ascending order.
    pub fn find(&mut self, path: &BStr) -> Option<Seen> {
        while self.next.as_ref().is_some_and(|(at, _)| **at < *path) {
            self.advance();
        }
        self.next.as_ref().filter(|(at, _)| *at == path).map(|(_, seen)| *seen)
    }

    fn advance(&mut self) {
        self.next = self.input.as_mut().and_then(|input| read_record(input).ok());
        if self.next.is_none() {
            self.input = None;
        }
    }
}

/// Writes a listing beside its place; [`ListingWriter::finish`] moves it there.
pub struct ListingWriter {
    output: BufWriter<File>,
    fresh: PathBuf,
}

impl ListingWriter {
    /// Starts a listing that will replace the one at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let fresh = path.with_extension("new");
        let mut output = BufWriter::new(File::create(&fresh)?);
        output.write_all(MAGIC)?;
        Ok(Self { output, fresh })
    }

    /// Adds a file. Paths must come in ascending order.
    pub fn add(&mut self, path: &BStr, seen: &Seen) -> io::Result<()> {
        let Ok(path_len) = u32::try_from(path.len()) else { return Ok(()) };
        let out = &mut self.output;
        out.write_all(&path_len.to_le_bytes())?;
        out.write_all(path)?;
        out.write_all(seen.id.as_slice())?;
        out.write_all(&seen.stamp.size.to_le_bytes())?;
        out.write_all(&seen.stamp.mtime_ns.to_le_bytes())?;
        out.write_all(&seen.stamp.ctime_ns.to_le_bytes())?;
        out.write_all(&seen.stamp.inode.to_le_bytes())?;
        out.write_all(&seen.text_bytes.to_le_bytes())?;
        out.write_all(&[u8::from(seen.skipped), u8::from(seen.settled)])
    }

    /// Puts the listing in its place.
    pub fn finish(mut self, path: &Path) -> io::Result<()> {
        self.output.flush()?;
        std::fs::rename(&self.fresh, path)
    }
}

fn read_record(input: &mut impl Read) -> io::Result<(BString, Seen)> {
    let path_len = u32::from_le_bytes(take(input)?);
    if path_len > 1 << 16 {
        return Err(io::Error::other("damaged")); // no path is that long: do not allocate for it
    }
    let mut path = vec![0; path_len as usize];
    input.read_exact(&mut path)?;
    let id = ObjectId::Sha1(take(input)?);
    let stamp = Stamp {
        size: u64::from_le_bytes(take(input)?),
        mtime_ns: i128::from_le_bytes(take(input)?),
        ctime_ns: i128::from_le_bytes(take(input)?),
        inode: u64::from_le_bytes(take(input)?),
    };
    let text_bytes = u64::from_le_bytes(take(input)?);
    let [skipped, settled] = take(input)?;
    let seen = Seen { stamp, id, text_bytes, skipped: skipped != 0, settled: settled != 0 };
    Ok((path.into(), seen))
}

fn take<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(size: u64) -> Seen {
        let stamp = Stamp { size, mtime_ns: 5, ctime_ns: -6, inode: 7 };
        let id = ObjectId::Sha1([3; 20]);
        Seen { stamp, id, text_bytes: 9, skipped: true, settled: false }
    }

    #[test]
    fn what_is_written_is_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("listing");
        let mut writer = ListingWriter::create(&path).unwrap();
        writer.add("a".into(), &seen(1)).unwrap();
        writer.add("b/c".into(), &seen(2)).unwrap();
        writer.finish(&path).unwrap();
        let mut reader = ListingReader::open(&path);
        assert_eq!(reader.find("a".into()), Some(seen(1)));
        assert_eq!(reader.find("b".into()), None);
        assert_eq!(reader.find("b/c".into()), Some(seen(2)));
        assert_eq!(reader.find("z".into()), None);
    }

    #[test]
    fn a_damaged_listing_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("listing");
        for bytes in
            [&b""[..], b"AXDIR\x01\n\xff\xff\xff\xff", b"AXDIR\x01\n\x01\0\0\0a\x01", b"other"]
        {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(ListingReader::open(&path).find("a".into()), None);
        }
        assert_eq!(ListingReader::open(&dir.path().join("none")).find("a".into()), None);
    }

    #[test]
    fn a_file_just_written_is_not_settled() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let at = |seconds: i128| Stamp { mtime_ns: seconds * 1_000_000_000, ..seen(1).stamp };
        assert!(at(97).is_settled(now));
        assert!(!at(99).is_settled(now));
        assert!(!at(200).is_settled(now), "from the future");
    }
}
