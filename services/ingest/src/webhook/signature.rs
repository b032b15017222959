//! Whether a push comes from who knows the secret.

use super::Host;
use crate::WebhookSecrets;
use ax_model::{Code, Fault};
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Checks the body's signature, or GitLab's token, against any of the secrets of that host.
pub fn check(
    host: Host,
    secrets: &WebhookSecrets,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Fault> {
    let (header, secrets) = match host {
        Host::GitHub => ("X-Hub-Signature-256", &secrets.github),
        Host::GitLab => ("X-Gitlab-Token", &secrets.gitlab),
        Host::Gitea => ("X-Gitea-Signature", &secrets.gitea),
    };
    let invalid = |message: &str| Fault::new(Code::SignatureInvalid, message).in_field(header);
    if secrets.is_empty() {
        return Err(invalid("no secret is configured for this kind of webhook")
            .hint("configure a secret here and the same one at the code host"));
    }
    let given = headers.get(header).ok_or_else(|| invalid("the header is missing"))?.as_bytes();
    let matches = secrets.iter().any(|secret| match host {
        Host::GitHub => {
            given.strip_prefix(b"sha256=").is_some_and(|given| signed(secret, body, given))
        }
        Host::Gitea => signed(secret, body, given),
        Host::GitLab => same(secret.as_bytes(), given),
    });
    if matches { Ok(()) } else { Err(invalid("the signature does not match the secret")) }
}

/// True when `given` is the HMAC-SHA256 of `body` in hex. The comparison takes the same time wherever
/// the first difference is.
fn signed(secret: &str, body: &[u8], given: &[u8]) -> bool {
    let Ok(given) = hex::decode(given) else { return false };
    mac(secret.as_bytes(), body).verify_slice(&given).is_ok()
}

/// Equality in constant time, of texts that may differ in length: their MACs are compared instead.
fn same(secret: &[u8], given: &[u8]) -> bool {
    let expected = mac(b"token", secret).finalize().into_bytes();
    mac(b"token", given).verify_slice(&expected).is_ok()
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> WebhookSecrets {
        let of = |text: &str| vec!["older".to_owned(), text.to_owned()];
        WebhookSecrets {
            github: of("It's a Secret to Everybody"),
            gitlab: of("tok"),
            gitea: of("g"),
        }
    }

    fn is_valid(host: Host, header: &'static str, value: &str, body: &str) -> bool {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_bytes(header.as_bytes()).unwrap(),
            value.parse().unwrap(),
        )]);
        check(host, &secrets(), &headers, body.as_bytes()).is_ok()
    }

    #[test]
    fn the_published_example_of_github() {
        // From GitHub's page on validating webhook deliveries.
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let header = "x-hub-signature-256";
        assert!(is_valid(Host::GitHub, header, good, "Hello, World!"));
        assert!(!is_valid(Host::GitHub, header, good, "Hello, World?"));
        assert!(!is_valid(Host::GitHub, header, &good[7..], "Hello, World!"));
        assert!(!is_valid(Host::GitHub, header, "sha256=zz", "Hello, World!"));
        assert!(!is_valid(Host::GitHub, header, "sha256=", "Hello, World!"));
    }

    #[test]
    fn gitea_signs_without_a_prefix() {
        let good = hex::encode(mac(b"g", b"body").finalize().into_bytes());
        assert!(is_valid(Host::Gitea, "x-gitea-signature", &good, "body"));
        assert!(!is_valid(Host::Gitea, "x-gitea-signature", &good, "other"));
    }

    #[test]
    fn gitlab_sends_the_token_itself() {
        assert!(is_valid(Host::GitLab, "x-gitlab-token", "tok", "any"));
        assert!(is_valid(Host::GitLab, "x-gitlab-token", "older", "any"));
        for wrong in ["to", "tokk", "tOk", ""] {
            assert!(!is_valid(Host::GitLab, "x-gitlab-token", wrong, "any"), "{wrong}");
        }
    }

    #[test]
    fn without_a_header_or_a_secret_nothing_is_valid() {
        assert!(check(Host::GitHub, &secrets(), &HeaderMap::new(), b"").is_err());
        let none = WebhookSecrets::default();
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("x-gitlab-token"),
            "".parse().unwrap(),
        )]);
        assert!(check(Host::GitLab, &none, &headers, b"").is_err());
    }
}
