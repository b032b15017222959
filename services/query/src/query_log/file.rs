//! The log's file: lines appended; at its size limit it is put aside as `NAME.1`, older ones move up.

use super::LoggedQuery;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRules {
    /// A file takes no line that would make it larger, its first line excepted.
    pub max_bytes: u64,
    /// Files put aside that are kept.
    pub keep: u32,
}

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    rules: FileRules,
    writer: BufWriter<File>,
    num_bytes: u64,
}

impl LogFile {
    /// Opens or creates `path`, with the folders above it; what stands there stays.
    pub fn open(path: PathBuf, rules: FileRules) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (writer, num_bytes) = append_to(&path)?;
        Ok(Self { path, rules, writer, num_bytes })
    }

    /// Appends one line; it is on its way to the disk after [`LogFile::flush`].
    pub fn write(&mut self, query: &LoggedQuery) -> io::Result<()> {
        let mut line = serde_json::to_vec(query)?;
        line.push(b'\n');
        let num_bytes = line.len() as u64;
        if self.num_bytes > 0 && self.num_bytes + num_bytes > self.rules.max_bytes {
            self.rotate()?;
        }
        self.num_bytes += num_bytes;
        self.writer.write_all(&line)
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        if self.rules.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            for number in (1..self.rules.keep).rev() {
                move_up(&numbered(&self.path, number), &numbered(&self.path, number + 1))?;
            }
            fs::rename(&self.path, numbered(&self.path, 1))?;
        }
        (self.writer, self.num_bytes) = append_to(&self.path)?;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let num_bytes = file.metadata()?.len();
    Ok((BufWriter::new(file), num_bytes))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Not all numbers are there yet while the log is young.
fn move_up(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(number: u64) -> LoggedQuery {
        LoggedQuery { at_ms: number, query: "needle".into(), ..LoggedQuery::default() }
    }

    fn numbers(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<LoggedQuery>(line).unwrap());
        lines.map(|query| query.at_ms).collect()
    }

    fn write(path: &Path, keep: u32, range: std::ops::Range<u64>) {
        let line = serde_json::to_vec(&query(0)).unwrap().len() as u64 + 1;
        let rules = FileRules { max_bytes: 2 * line, keep };
        let mut file = LogFile::open(path.to_owned(), rules).unwrap();
        range.for_each(|number| file.write(&query(number)).unwrap());
        file.flush().unwrap();
    }

    #[test]
    fn full_files_are_put_aside_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/queries.jsonl");
        write(&path, 2, 0..3);
        write(&path, 2, 3..9); // a restart goes on where it was
        assert_eq!(numbers(&path), [8]);
        assert_eq!(numbers(&numbered(&path, 1)), [6, 7]);
        assert_eq!(numbers(&numbered(&path, 2)), [4, 5]);
        assert!(!numbered(&path, 3).exists());
    }

    #[test]
    fn nothing_is_put_aside_when_none_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q");
        write(&path, 0, 0..5);
        assert_eq!(numbers(&path), [4]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
