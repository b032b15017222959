//! What a registration's source is: a path on this machine, or a URL.

use crate::IngestError;
use ax_model::without_secrets;
use gix::url::Scheme;
use std::path::PathBuf;

/// A parsed source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A path, read in place.
    Local(PathBuf),
    /// A URL, mirrored.
    Remote(Box<gix::Url>),
}

impl Place {
    /// Reads `https://…`, `http://…`, `ssh://…`, `git://…`, `file://…`, `user@host:path`, or a path.
    /// Other schemes are refused: git's remote helpers run commands.
    pub fn parse(source: &str) -> Result<Self, IngestError> {
        let refuse = |why: String| IngestError::BadRegistration(format!("source: {why}"));
        if source.is_empty() || source.contains('\0') {
            return Err(refuse("expected a path or a URL".into()));
        }
        if !source.contains("://") && !source.contains("::") && !is_scp_like(source) {
            return Ok(Self::Local(PathBuf::from(source)));
        }
        let url = gix::url::parse(source).map_err(|error| {
            refuse(format!("not a URL: {}", without_secrets(&error.to_string())))
        })?;
        match url.scheme {
            Scheme::Https | Scheme::Http | Scheme::Ssh | Scheme::Git | Scheme::File => {
                Ok(Self::Remote(Box::new(url)))
            }
            _ => Err(refuse("expected https, http, ssh, git or file".into())),
        }
    }
}

/// `host:path` and `user@host:path`: a colon before any slash.
fn is_scp_like(source: &str) -> bool {
    source.split_once(':').is_some_and(|(host, path)| {
        !host.is_empty() && !path.is_empty() && !host.contains('/') && !host.starts_with('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_remote(source: &str) -> bool {
        matches!(Place::parse(source).unwrap(), Place::Remote(_))
    }

    #[test]
    fn paths_and_urls() {
        for local in ["/srv/git/a.git", "repo", "./a:b", "../x", "a/b:c", "~/x"] {
            assert!(!is_remote(local), "{local}");
        }
        for remote in [
            "https://example.org/a.git",
            "ssh://git@example.org:22/a",
            "git@example.org:a/b.git",
            "file:///srv/git/a.git",
            "git://example.org/a",
        ] {
            assert!(is_remote(remote), "{remote}");
        }
    }

    #[test]
    fn commands_are_refused() {
        for bad in ["ext::sh -c id", "ext://sh", "ftp://example.org/a", "", "a\0b"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }
}
