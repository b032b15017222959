//! What of a repository's source may be shown.

/// `text` with the user names, passwords and tokens of all URLs in it taken out: what may be shown and
/// logged, be it a source alone or the message of an error that names one. A user name stays in `ssh`
/// URLs and in `user@host:path`, where it is no secret; over HTTP it may be a token.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + "://".len());
        let scheme = head.trim_end_matches("://");
        let scheme = scheme.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        shown.push_str(head);
        let (userinfo, after) = split_userinfo(tail);
        if let Some(userinfo) = userinfo
            && scheme == "ssh"
        {
            let user = userinfo.split(':').next().unwrap_or_default();
            shown.push_str(user);
            shown.push('@');
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// What stands before the host, if anything does, and the rest from the host on.
fn split_userinfo(url: &str) -> (Option<&str>, &str) {
    let end = url.find(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).unwrap_or(url.len());
    let authority_end = url[..end].find(['/', '?', '#']).unwrap_or(end);
    // A password that should have been escaped may hold a slash: `user:pa/ss@host`. What then stands
    // before the slash is no host with a port, and everything up to the last `@` is taken for secret.
    let is_host = |text: &str| {
        text.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            || text.ends_with(']')
    };
    let authority = &url[..authority_end];
    let at = match authority.rfind('@') {
        Some(at) => Some(at),
        None if is_host(authority) => None,
        None => url[..end].rfind('@'),
    };
    match at {
        Some(at) => (Some(&url[..at]), &url[at + 1..]),
        None => (None, url),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn secrets_are_not_shown() {
        for (source, shown) in [
            ("https://user:pass@example.org/a", "https://example.org/a"),
            ("https://token@example.org/a@b", "https://example.org/a@b"),
            ("https://user:pa/ss@example.org/a", "https://example.org/a"),
            ("https://user:p@ss@example.org:8443/a", "https://example.org:8443/a"),
            ("https://example.org:8443/a@b", "https://example.org:8443/a@b"),
            ("https://[::1]:8443/a", "https://[::1]:8443/a"),
            ("ssh://git@example.org/a", "ssh://git@example.org/a"),
            ("ssh://git:pw@example.org/a", "ssh://git@example.org/a"),
            ("git@example.org:a", "git@example.org:a"),
            ("/srv/a", "/srv/a"),
            ("", ""),
            (
                "for \"https://u:p@one/x\" and https://t@two: refused, see https://three",
                "for \"https://one/x\" and https://two: refused, see https://three",
            ),
        ] {
            assert_eq!(without_secrets(source), shown);
        }
    }
}
