//! What a registration must be like before it is kept. What fails later, since a remote is away or a
//! path is not there, is no business of this: it may come.

use crate::source::{Place, compile_branches};
use ax_model::{Code, Fault, RepoName};
use ax_proto::cluster::Registration;

/// Refuses a registration that no step could ever be made with: AX-A001 that names the field.
pub fn check_registration(registration: &Registration) -> Result<(), Fault> {
    RepoName::new(registration.name.as_str())
        .map_err(|error| bad("name", error.to_string()).hint("choose another name"))?;
    check_source(&registration.source)?;
    compile_branches(&registration.branches)
        .map_err(|error| bad("branches", error.to_string()).hint("expected globs, as in release/*"))
        .map(drop)
}

fn check_source(source: &str) -> Result<(), Fault> {
    if source.chars().any(char::is_control) {
        return Err(bad("source", "the source contains control characters".to_owned()));
    }
    let place =
        Place::parse(source).map_err(|error| bad("source", error.to_string()).hint(WANTED))?;
    match place {
        Place::Local(path) if !path.is_absolute() => {
            let message = format!("`{}` is not a whole path", path.display());
            Err(bad("source", message).hint("give the path from the root, as ingest sees it"))
        }
        Place::Remote(url) if url.scheme != gix::url::Scheme::File && no_host(&url) => {
            Err(bad("source", "the URL names no host".to_owned()).hint(WANTED))
        }
        Place::Local(_) | Place::Remote(_) => Ok(()),
    }
}

const WANTED: &str = "expected https://host/path, ssh://user@host/path, user@host:path, \
                      file:///path, or a path from the root";

fn no_host(url: &gix::Url) -> bool {
    url.host().is_none_or(str::is_empty)
}

fn bad(field: &str, message: String) -> Fault {
    Fault::new(Code::BadRequest, message).in_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, source: &str, branch: &str) -> Result<(), Fault> {
        check_registration(&Registration {
            name: name.to_owned(),
            source: source.to_owned(),
            branches: vec![branch.to_owned()],
            ..Default::default()
        })
    }

    #[test]
    fn what_can_be_followed_is_taken() {
        for source in [
            "https://example.org/a.git",
            "https://user:pass@example.org:8443/a",
            "ssh://git@example.org:22/a",
            "git@example.org:a/b.git",
            "file:///srv/git/a.git",
            "/srv/git/a.git",
            "/",
        ] {
            assert_eq!(check("a", source, "release/*"), Ok(()), "{source}");
        }
    }

    #[test]
    fn what_can_never_be_followed_is_refused_by_field() {
        for (name, source, branch, field) in [
            ("a", "ext::sh -c id", "*", "source"),
            ("a", "ftp://x/y", "*", "source"),
            ("a", "https://", "*", "source"),
            ("a", "https:///path", "*", "source"),
            ("a", "relative/path", "*", "source"),
            ("a", "", "*", "source"),
            ("a", "/srv/a\nb", "*", "source"),
            ("a", "/srv/a", "[", "branches"),
            ("a\nb", "/srv/a", "*", "name"),
            ("../../x", "/srv/a", "*", "name"),
            ("", "/srv/a", "*", "name"),
        ] {
            let fault = check(name, source, branch).unwrap_err();
            assert_eq!((fault.code, fault.field.as_str()), (Code::BadRequest, field), "{source}");
        }
        let fault = check("a", "ftp://u:sekret@h/x", "*").unwrap_err();
        assert!(!format!("{fault:?}").contains("sekret"), "{fault:?}");
    }
}
