//! Who we are, for servers that ask: from the source's URL, from a file, from git's own helpers.

use gix::{
    bstr::ByteSlice,
    credentials::{
        helper::Action,
        protocol::{Context, Outcome},
    },
    sec::identity::Account,
};
use std::{io, path::Path};

/// The user and password of a URL, and the URL without them: so that no error of a library can show
/// them.
pub fn take_from(url: &mut gix::Url) -> Option<Account> {
    let (user, password) = (url.user().map(str::to_owned), url.password().map(str::to_owned));
    if !matches!(url.scheme, gix::url::Scheme::Https | gix::url::Scheme::Http) {
        url.set_password(None); // it says nothing to ssh
        return None;
    }
    url.set_user(None);
    url.set_password(None);
    // A token alone stands in the place of the user.
    let username = user?;
    Some(Account { username, password: password.unwrap_or_default(), oauth_refresh_token: None })
}

/// Answers a server that asks who we are: with what stood in the source's URL, if it is the same server;
/// with the line of the file; or with what git's own helpers say. A refused answer is not erased from the
/// helpers, as git would: a server that refuses for a minute must not cost a service its password.
pub fn answer(
    action: Action,
    own: Option<(&gix::Url, &Account)>,
    file: Option<&Path>,
    helpers: &mut dyn FnMut(Action) -> gix::Result<Option<Outcome>>,
) -> gix::Result<Option<Outcome>> {
    let Action::Get(context) = &action else { return Ok(None) };
    let asked = context.url.as_ref().map(|url| gix::url::parse(url.as_bstr())).transpose()?;
    let found = match (&asked, own) {
        (Some(asked), Some((url, account))) if is_same_server(asked, url) => Some(account.clone()),
        (Some(asked), _) => match file {
            Some(file) => look_up(file, asked).map_err(gix::Error::from_error)?,
            None => None,
        },
        (None, _) => None,
    };
    match found {
        Some(identity) => Ok(Some(Outcome { identity, next: Context::default().into() })),
        None => helpers(action),
    }
}

/// The account that a file of `https://user:password@host[/path]` has for a URL: that of the longest
/// path that the URL's begins with.
fn look_up(file: &Path, asked: &gix::Url) -> io::Result<Option<Account>> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        io::Error::new(error.kind(), format!("credentials file {}: {error}", file.display()))
    })?;
    let mut best: Option<(usize, Account)> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Ok(mut url) = gix::url::parse(line) else { continue };
        let covers = is_same_server(asked, &url) && is_under(&asked.path, &url.path);
        let length = url.path.len();
        let Some(account) = take_from(&mut url).filter(|_| covers) else { continue };
        if best.as_ref().is_none_or(|(longest, _)| length > *longest) {
            best = Some((length, account));
        }
    }
    Ok(best.map(|(_, account)| account))
}

fn is_same_server(a: &gix::Url, b: &gix::Url) -> bool {
    a.scheme == b.scheme && a.host() == b.host() && a.port_or_default() == b.port_or_default()
}

fn is_under(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn url(text: &str) -> gix::Url {
        gix::url::parse(text).unwrap()
    }

    fn found(lines: &str, asked: &str) -> Option<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let account = look_up(file.path(), &url(asked)).unwrap()?;
        Some(format!("{}:{}", account.username, account.password))
    }

    #[test]
    fn the_longest_path_of_the_same_server_wins() {
        let lines = "https://a:1@host.example\nnonsense\n\nhttps://b:2@host.example/team\n\
                     https://c:3@host.example:8443\nhttps://d:p%40%2F@other.example\n";
        for (asked, account) in [
            ("https://host.example/x.git", Some("a:1")),
            ("https://host.example:443/x.git", Some("a:1")),
            ("https://host.example/team/x.git", Some("b:2")),
            ("https://host.example/teams/x.git", Some("a:1")),
            ("https://host.example:8443/team/x.git", Some("c:3")),
            ("https://other.example/x", Some("d:p@/")),
            ("http://host.example/x.git", None),
            ("https://evil.example/x.git", None),
        ] {
            assert_eq!(found(lines, asked).as_deref(), account, "{asked}");
        }
    }

    #[test]
    fn a_url_loses_its_secrets() {
        let mut with = url("https://user:p%20w@host.example/x");
        let account = take_from(&mut with).unwrap();
        assert_eq!((account.username.as_str(), account.password.as_str()), ("user", "p w"));
        assert_eq!(with, url("https://host.example/x"));
        assert!(take_from(&mut with).is_none());
        let mut ssh = url("ssh://git:pw@host.example/x");
        assert!(take_from(&mut ssh).is_none());
        assert_eq!(ssh, url("ssh://git@host.example/x"));
    }

    #[test]
    fn the_urls_own_account_goes_to_its_own_server_only() {
        let mut home = url("https://u:p@host.example/x");
        let account = take_from(&mut home).unwrap();
        let mut asked_helpers = 0;
        for elsewhere in ["https://evil.example/x", "https://host.example:8443/x"] {
            let mut helpers = |_| {
                asked_helpers += 1;
                Ok(None)
            };
            let action = Action::get_for_url(elsewhere);
            let given = answer(action, Some((&home, &account)), None, &mut helpers).unwrap();
            assert!(given.is_none());
        }
        assert_eq!(asked_helpers, 2);
        let action = Action::get_for_url("https://host.example/x");
        let given = answer(action, Some((&home, &account)), None, &mut |_| unreachable!()).unwrap();
        assert_eq!(given.unwrap().identity.password, "p");
    }

    #[test]
    fn nothing_is_stored_or_erased() {
        let mut helpers = |_| -> gix::Result<Option<Outcome>> { unreachable!() };
        for action in [Action::Store("x".into()), Action::Erase("x".into())] {
            assert!(answer(action, None, None, &mut helpers).unwrap().is_none());
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_said() {
        let error = look_up(Path::new("/none"), &url("https://h/x")).unwrap_err();
        assert!(error.to_string().contains("/none"), "{error}");
    }
}
