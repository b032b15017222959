//! What branches show: trees, compared and walked.

mod path;
mod trees;
mod walk;

pub use path::key_path;
pub use trees::{OdbTrees, TreeEntry, TreeError, TreeMode, Trees, read_verified};
pub use walk::{Item, OldRoots, PathChange, Roots, WalkError, WalkLimits, walk};
