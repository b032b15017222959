//! Which repository a push is about, and what it says of it.

use super::Host;
use ax_model::{Code, Fault, SaidFacts};
use serde::Deserialize;
use serde_json::Value;

/// The names and addresses that a push gives for its repository, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    full_name: String,
    addresses: Vec<String>,
    /// What it says beside.
    pub said: SaidFacts,
}

impl Pushed {
    /// True when a registration of this name and source is that repository.
    pub fn is(&self, name: &str, source: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let source = normalise(source);
        self.addresses.iter().any(|address| *address == source || *address == name)
            || (!self.full_name.is_empty() && name == self.full_name)
    }
}

#[derive(Deserialize)]
struct Push {
    repository: Option<Repository>,
    project: Option<Repository>,
}

/// The fields of all three hosts; each fills its own.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Repository {
    full_name: Option<String>,
    path_with_namespace: Option<String>,
    clone_url: Option<String>,
    ssh_url: Option<String>,
    git_url: Option<String>,
    html_url: Option<String>,
    git_http_url: Option<String>,
    git_ssh_url: Option<String>,
    web_url: Option<String>,
    #[serde(flatten)]
    facts: Facts,
}

/// Facts as the hosts write them. One of another type than expected says nothing: it is no reason to
/// miss a push.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Facts {
    archived: Value,
    fork: Value,
    private: Value,
    /// Gitea: for everybody who is signed in.
    internal: Value,
    /// GitLab: 20 is for everybody.
    visibility_level: Value,
    stargazers_count: Value,
    stars_count: Value,
}

/// GitLab's number for what everybody may read.
const PUBLIC_LEVEL: u64 = 20;

impl Facts {
    fn said(&self) -> SaidFacts {
        let by_level = self.visibility_level.as_u64().map(|level| level == PUBLIC_LEVEL);
        let is_internal = self.internal.as_bool().unwrap_or(false);
        let by_flag = self.private.as_bool().map(|private| !private && !is_internal);
        let stars = self.stargazers_count.as_u64().or(self.stars_count.as_u64());
        SaidFacts {
            archived: self.archived.as_bool(),
            fork: self.fork.as_bool(),
            public: by_level.or(by_flag),
            rank: stars.map(|stars| u32::try_from(stars).unwrap_or(u32::MAX)),
        }
    }
}

/// Reads the body of a push.
pub fn repository(host: Host, body: &[u8]) -> Result<Pushed, Fault> {
    let push: Push = serde_json::from_slice(body).map_err(|error| {
        Fault::new(Code::BadRequest, format!("the body is not the JSON of a push: {error}"))
            .hint("set the webhook's content type to application/json")
    })?;
    let (field, named) = match host {
        Host::GitLab => ("project", push.project),
        Host::GitHub | Host::Gitea => ("repository", push.repository),
    };
    let named = named.ok_or_else(|| {
        Fault::new(Code::BadRequest, "the push names no repository").in_field(field)
    })?;
    Ok(named.into())
}

impl From<Repository> for Pushed {
    fn from(named: Repository) -> Self {
        let full_name = named.full_name.or(named.path_with_namespace).unwrap_or_default();
        let urls = [
            named.clone_url,
            named.ssh_url,
            named.git_url,
            named.html_url,
            named.git_http_url,
            named.git_ssh_url,
            named.web_url,
        ];
        let addresses = urls.into_iter().flatten().map(|url| normalise(&url));
        Self {
            full_name: full_name.to_ascii_lowercase(),
            addresses: addresses.filter(|address| !address.is_empty()).collect(),
            said: named.facts.said(),
        }
    }
}

/// `host/path` in lower case, the same for `https://user@host:443/path.git/`, `ssh://git@host/path` and
/// `git@host:path`: one repository has many addresses.
fn normalise(url: &str) -> String {
    let (address, is_url) = match url.split_once("://") {
        Some((_, rest)) => (rest.to_owned(), true),
        None => (url.replacen(':', "/", 1), false),
    };
    let (host, path) = address.split_once('/').unwrap_or((&address, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = if is_url { host.split_once(':').map_or(host, |(host, _)| host) } else { host };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{host}/{path}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_repository_are_equal() {
        for url in [
            "https://example.org/Acme/api.git",
            "https://token@example.org/acme/api",
            "https://example.org:8443/acme/api/",
            "ssh://git@example.org:22/acme/api.git",
            "git@example.org:acme/api.git",
            "git://example.org/acme/api.git",
        ] {
            assert_eq!(normalise(url), "example.org/acme/api", "{url}");
        }
        assert_ne!(normalise("/srv/acme/api"), "example.org/acme/api");
    }

    #[test]
    fn a_registration_is_found_by_source_or_name() {
        let body = br#"{"ref": "refs/heads/main", "repository": {
            "full_name": "acme/api", "clone_url": "https://example.org/acme/api.git",
            "ssh_url": "git@example.org:acme/api.git"}}"#;
        let pushed = repository(Host::GitHub, body).unwrap();
        assert!(pushed.is("anything", "git@example.org:acme/api.git"));
        assert!(pushed.is("anything", "https://x:y@example.org/acme/api"));
        assert!(pushed.is("acme/api", "/srv/mirror"));
        assert!(pushed.is("example.org/acme/api", "/srv/mirror"));
        assert!(!pushed.is("api", "https://example.org/acme/other"));
    }

    #[test]
    fn gitlab_speaks_of_projects() {
        let body = br#"{"project": {"path_with_namespace": "g/sub/p",
            "git_http_url": "https://lab.example/g/sub/p.git"}, "repository": {"name": "p"}}"#;
        let pushed = repository(Host::GitLab, body).unwrap();
        assert!(pushed.is("x", "https://lab.example/g/sub/p"));
    }

    #[test]
    fn what_is_said_beside_is_read_as_each_host_says_it() {
        let check = |host, body: &str, expected: (_, _, _, _)| {
            let SaidFacts { archived, fork, public, rank } =
                repository(host, body.as_bytes()).unwrap().said;
            assert_eq!((archived, fork, public, rank), expected, "{body}");
        };
        check(
            Host::GitHub,
            r#"{"repository": {"full_name": "a/b", "private": false, "fork": true, "archived": false,
                "visibility": "public", "stargazers_count": 42}}"#,
            (Some(false), Some(true), Some(true), Some(42)),
        );
        check(
            Host::Gitea,
            r#"{"repository": {"full_name": "a/b", "private": false, "internal": true, "fork": false,
                "archived": true, "stars_count": 7}}"#,
            (Some(true), Some(false), Some(false), Some(7)),
        );
        for (level, public) in [(0, false), (10, false), (20, true)] {
            let body = format!(r#"{{"project": {{"visibility_level": {level}}}}}"#);
            check(Host::GitLab, &body, (None, None, Some(public), None));
        }
        check(
            Host::GitHub,
            r#"{"repository": {"full_name": "a/b", "private": "no", "fork": 1, "archived": null,
                "stargazers_count": -3}}"#,
            (None, None, None, None),
        );
        check(Host::GitHub, r#"{"repository": {"full_name": "a/b"}}"#, (None, None, None, None));
    }

    #[test]
    fn other_bodies_are_refused() {
        for body in [&b""[..], b"[]", b"{}", b"payload=%7B%7D", b"{\"repository\": 3}", b"\xff"] {
            let code = repository(Host::Gitea, body).unwrap_err().code;
            assert_eq!(code, Code::BadRequest);
        }
    }
}
