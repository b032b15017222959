//! The folder that a process keeps its data in: there, and writable, before anything opens in it.

use ax_model::{Code, Fault};
use std::{
    io::{Error, ErrorKind},
    path::Path,
};

/// Makes the folder if it is missing, and tries whether it can be written. AX-F006 when not: what
/// opens files in it would call that a broken store. A full disk passes; it may be empty again when
/// something is written.
pub fn usable(data: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(data).map_err(|error| unusable(data, &error))?;
    let probe = data.join(format!(".ax-writable-{}", std::process::id()));
    match std::fs::write(&probe, b"") {
        Ok(()) => std::fs::remove_file(&probe).map_err(|error| unusable(data, &error)),
        Err(error) if error.kind() == ErrorKind::StorageFull => Ok(()),
        Err(error) => Err(unusable(data, &error)),
    }
}

fn unusable(data: &Path, error: &Error) -> Fault {
    let data = data.display();
    let message = match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            format!("the data folder `{data}` is, or lies in, something that is no folder")
        }
        _ => format!("the data folder `{data}` cannot be written: {error}"),
    };
    Fault::new(Code::DataFolderUnusable, message)
        .in_field("cluster.data")
        .hint("give another folder with --data or `cluster.data`, or mend its permissions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"x").unwrap();
        for data in [file.clone(), file.join("below")] {
            let fault = usable(&data).unwrap_err();
            assert_eq!(fault.code, Code::DataFolderUnusable);
            assert!(fault.message.contains("no folder"), "{fault}");
        }
    }

    #[test]
    fn what_cannot_be_written_says_so() {
        // Nobody can make files there, not even root.
        let fault = usable(Path::new("/proc/ax-data")).unwrap_err();
        assert_eq!(fault.code, Code::DataFolderUnusable);
        assert!(fault.message.contains("/proc/ax-data"), "{fault}");
    }

    #[test]
    fn a_new_folder_is_made_and_left_empty() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        usable(&data).unwrap();
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }
}
