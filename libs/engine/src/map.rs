//! A file mapped into memory, read only.

use crate::{EngineError, Result};
use std::{io, path::Path};
use tantivy::directory::{Directory, MmapDirectory, OwnedBytes};

/// Maps the file at `path`; the mapping lives as long as a clone or slice of it.
///
/// It is tantivy's own directory that maps, so that this crate needs no unsafe code: a segment is
/// written under a temporary name, renamed when complete, never written again and only ever unlinked.
pub(crate) fn map(path: &Path) -> Result<OwnedBytes> {
    let fail = |error: io::Error| EngineError::Io { path: path.to_owned(), source: error };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fail(io::ErrorKind::InvalidInput.into()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = MmapDirectory::open(folder).map_err(|error| fail(io::Error::other(error)))?;
    let file = folder.get_file_handle(Path::new(name)).map_err(|e| fail(io::Error::other(e)))?;
    file.read_bytes(0..file.len()).map_err(fail)
}
