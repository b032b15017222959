//! What a registration's source is: a path on this machine, or a URL.

use crate::IngestError;
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
        let url = gix::url::parse(source)
            .map_err(|error| refuse(format!("not a URL: {}", redact(&error.to_string()))))?;
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

/// `source` without a password or token: what may be shown and logged. A user name stays in `ssh`
/// and `user@host:path` forms, where it is no secret; over HTTP it may be a token.
pub fn redact(source: &str) -> String {
    let Some((scheme, rest)) = source.split_once("://") else { return source.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@') else { return source.to_owned() };
    let (user, host) = (&rest[..at], &rest[at + 1..]);
    match user.split_once(':') {
        None if scheme == "ssh" => source.to_owned(),
        Some((user, _)) if scheme == "ssh" => format!("{scheme}://{user}@{host}"),
        _ => format!("{scheme}://{host}"),
    }
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

    #[test]
    fn secrets_are_not_shown() {
        for (source, shown) in [
            ("https://user:pass@example.org/a", "https://example.org/a"),
            ("https://token@example.org/a@b", "https://example.org/a@b"),
            ("ssh://git@example.org/a", "ssh://git@example.org/a"),
            ("ssh://git:pw@example.org/a", "ssh://git@example.org/a"),
            ("git@example.org:a", "git@example.org:a"),
            ("/srv/a", "/srv/a"),
        ] {
            assert_eq!(redact(source), shown);
        }
    }
}
