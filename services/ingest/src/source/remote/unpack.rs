//! Small packs become single objects.
//!
//! Each fetch brings a pack, and nobody repacks a mirror. Every object looked for is looked for in every
//! pack, each of which takes a file handle and a mapping: after some thousand pushes a mirror would be slow,
//! then too much. So what a push brings is taken apart, as git itself does under `fetch.unpackLimit`.

use gix::{
    odb::{loose, pack::bundle},
    prelude::*,
};

/// Objects up to which a pack is taken apart. A push has a few; a clone is kept as it came.
const UNPACK_LIMIT: u32 = 1000;

/// Takes a small pack apart. Dying in between leaves both, which does no harm.
pub fn unpack(repo: &gix::Repository, received: &bundle::write::Outcome) -> gix::Result<()> {
    let (Some(index), Some(data)) = (&received.index_path, &received.data_path) else {
        return Ok(()); // it brought nothing
    };
    if received.index.num_objects > UNPACK_LIMIT {
        return Ok(());
    }
    let pack = gix::odb::pack::Bundle::at(index, repo.object_hash())?;
    let singles = loose::Store::at(repo.objects.store_ref().path(), repo.object_hash());
    for entry in pack.index.iter() {
        let object = repo.find_object(entry.oid)?;
        singles.write_buf(object.kind, &object.data)?;
    }
    for file in [Some(index), Some(data), received.keep_path.as_ref()].into_iter().flatten() {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(gix::Error::from_error(error));
            }
            _ => {}
        }
    }
    Ok(())
}
