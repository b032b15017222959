//! What a git repository on this machine says of itself, in its own configuration.
//!
//! The keys are those that Zoekt's mirroring tools write and its indexer reads, so that a folder of
//! clones made for the one serves the other: `zoekt.archived`, `zoekt.fork`, `zoekt.public`, and for the
//! rank `zoekt.priority`, or else `zoekt.github-stars`. The file is read at each thorough look, not when
//! the repository is opened.

use ax_model::SaidFacts;
use gix::config::{File, Source};
use std::path::Path;

/// The facts in a configuration file. One that cannot be read says nothing: no reason to stop a
/// repository, whose branches are all there.
pub(super) fn of_git_config(path: &Path) -> SaidFacts {
    match File::from_path_no_includes(path.to_owned(), Source::Local) {
        Ok(config) => of_config(&config),
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "no facts read from git's configuration");
            SaidFacts::default()
        }
    }
}

fn of_config(config: &File) -> SaidFacts {
    // a value that is none says nothing, either
    let flag = |key: &str| config.boolean(key).ok().flatten();
    let priority = config.string("zoekt.priority").and_then(|text| rank(&text.to_string()));
    let stars = || config.string("zoekt.github-stars").and_then(|text| rank(&text.to_string()));
    SaidFacts {
        archived: flag("zoekt.archived"),
        fork: flag("zoekt.fork"),
        public: flag("zoekt.public"),
        rank: priority.or_else(stars),
    }
}

/// A number as Zoekt takes it: with a fraction, which says nothing here.
fn rank(text: &str) -> Option<u32> {
    let number: f64 = text.trim().parse().ok()?;
    (number >= 0.0).then_some(number as u32) // the largest for all that is larger
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SaidFacts {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        of_git_config(&path)
    }

    #[test]
    fn what_other_tools_write_is_read() {
        let all = read(
            "[core]\n\tbare = true\n[zoekt]\n\tarchived = 1\n\tfork = 0\n\tpublic = true\n\
             \tname = acme/api\n\tgithub-stars = 42\n",
        );
        let (archived, fork, public) = (Some(true), Some(false), Some(true));
        assert_eq!(all, SaidFacts { archived, fork, public, rank: Some(42) });
        let both = read("[zoekt]\n\tgithub-stars = 42\n\tpriority = 7.5\n");
        assert_eq!(both, SaidFacts { rank: Some(7), ..SaidFacts::default() });
    }

    #[test]
    fn what_is_no_value_says_nothing() {
        let odd =
            "[zoekt]\n\tarchived = maybe\n\tfork = yes\n\tpriority = -1\n\tgithub-stars = x\n";
        assert_eq!(read(odd), SaidFacts { fork: Some(true), ..SaidFacts::default() });
        for text in ["", "[core]\n", "[zoekt", "\u{0}"] {
            assert_eq!(read(text), SaidFacts::default(), "{text:?}");
        }
        assert_eq!(of_git_config(Path::new("/nowhere/config")), SaidFacts::default());
        assert_eq!(read("[zoekt]\n\tpriority = 1e300\n").rank, Some(u32::MAX));
    }
}
