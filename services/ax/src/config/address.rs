//! Addresses to listen on, as people write them.

use ax_model::{Code, Fault};
use std::net::{SocketAddr, ToSocketAddrs};

const HINT: &str = "as in `127.0.0.1:7080`, `localhost:7080`, `:7080` for every interface, or `7080` \
                    for this machine only";

/// `host:port` from what was written: a port alone is on this machine, `:port` on every interface.
/// Names are not looked up. AX-F002 when it is none of these.
pub fn spelt_out(key: &str, text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    match port.parse::<u16>() {
        Ok(port) if is_name => Ok(format!("{host}:{port}")),
        _ => Err(bad(key, format!("`{text}` is not an address and port")).hint(HINT)),
    }
}

/// The address itself, names looked up; of several the first by IPv4, which everybody's clients try.
/// May block on a name server.
pub fn resolve(key: &str, text: &str) -> Result<SocketAddr, Fault> {
    let spelt = spelt_out(key, text)?;
    let found = spelt
        .to_socket_addrs()
        .map_err(|error| bad(key, format!("`{spelt}` is not known here: {error}")).hint(HINT))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let none = || bad(key, format!("`{spelt}` has no address")).hint(HINT);
    found.first().copied().ok_or_else(none)
}

fn bad(key: &str, message: String) -> Fault {
    Fault::new(Code::ConfigBadValue, format!("{key}: {message}")).in_field(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, spelt) in [
            ("127.0.0.1:7080", "127.0.0.1:7080"),
            ("[::1]:7080", "[::1]:7080"),
            ("localhost:7998", "localhost:7998"),
            (":7998", "0.0.0.0:7998"),
            ("7998", "127.0.0.1:7998"),
            (" 0.0.0.0:0 ", "0.0.0.0:0"),
        ] {
            assert_eq!(spelt_out("k", text).unwrap(), spelt);
        }
        assert!(resolve("k", "localhost:7998").unwrap().ip().is_loopback());
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        for text in ["", "localhost", ":", "a:b", "1.2.3.4:65536", "::1:80", "http://x:80", "a b:1"]
        {
            let fault = spelt_out("query.listen", text).unwrap_err();
            assert_eq!(fault.code, Code::ConfigBadValue, "{text}");
            assert!(fault.hint.contains("localhost:7080"), "{fault:?}");
        }
        assert_eq!(resolve("k", "no.such.host.invalid:1").unwrap_err().code, Code::ConfigBadValue);
    }
}
