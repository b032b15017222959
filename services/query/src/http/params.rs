//! Query parameters, read strictly: an unknown name or a value out of range is refused by name,
//! since a misspelt `limt=10` that is silently ignored costs an afternoon.

use ax_model::{Code, Fault};
use percent_encoding::percent_decode;
use std::{collections::BTreeMap, time::Duration};

/// Longest query string accepted, in bytes. The query text has its own, smaller limit.
pub const MAX_QUERY_STRING_BYTES: usize = 256 << 10;

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// Reads the part of the address after `?`, which may hold the names in `known` only.
    pub fn strict(raw: Option<&str>, known: &[&str]) -> Result<Self, Fault> {
        let params = Self::lenient(raw)?;
        match params.values.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(params),
            Some(name) => {
                Err(Fault::new(Code::BadRequest, format!("there is no parameter `{name}`"))
                    .in_field(name)
                    .hint(format!("known ones: {}", known.join(", "))))
            }
        }
    }

    /// Reads them whatever their names: the page gets links with foreign parameters.
    pub fn lenient(raw: Option<&str>) -> Result<Self, Fault> {
        let raw = raw.unwrap_or_default();
        if raw.len() > MAX_QUERY_STRING_BYTES {
            let message =
                format!("{} bytes of parameters; the most is {MAX_QUERY_STRING_BYTES}", raw.len());
            return Err(Fault::new(Code::TooLarge, message));
        }
        let mut values = BTreeMap::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name, "")?;
            let value = decode(value, &name)?;
            if values.insert(name.clone(), value).is_some() {
                let message = format!("`{name}` is given twice");
                return Err(Fault::new(Code::BadRequest, message).in_field(name));
            }
        }
        Ok(Self { values })
    }

    /// A text; empty when it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A text that must be given; it may be empty.
    pub fn given(&self, name: &str) -> Result<&str, Fault> {
        let missing = || Fault::new(Code::BadRequest, format!("`{name}` is missing"));
        self.values.get(name).map(String::as_str).ok_or_else(|| missing().in_field(name))
    }

    /// A text that must be there, and not empty.
    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        match self.given(name)? {
            "" => Err(Fault::new(Code::BadRequest, format!("`{name}` is empty")).in_field(name)),
            value => Ok(value),
        }
    }

    /// A whole number of at least `least`; zero when it is absent.
    pub fn number(&self, name: &str, least: u32) -> Result<u32, Fault> {
        let Some(text) = self.values.get(name) else { return Ok(0) };
        match text.parse() {
            Ok(number) if number >= least => Ok(number),
            _ => {
                Err(bad_value(name, text, &format!("a whole number from {least} to {}", u32::MAX)))
            }
        }
    }

    /// A switch: absent is off; `name`, `name=true` and `name=1` are on.
    pub fn switch(&self, name: &str) -> Result<bool, Fault> {
        self.switch_or(name, false)
    }

    /// The same with another meaning of its absence.
    pub fn switch_or(&self, name: &str, absent: bool) -> Result<bool, Fault> {
        match self.values.get(name).map(String::as_str) {
            None => Ok(absent),
            Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(bad_value(name, other, "`true` or `false`")),
        }
    }

    /// A time as `500ms`, `5s` or a number of milliseconds; zero when it is absent.
    pub fn duration(&self, name: &str) -> Result<Duration, Fault> {
        let Some(text) = self.values.get(name) else { return Ok(Duration::ZERO) };
        let (digits, unit) = match text.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => text.strip_suffix('s').map_or((text.as_str(), 1), |digits| (digits, 1000)),
        };
        match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
            Some(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
            _ => Err(bad_value(name, text, "a time as in `500ms` or `5s`")),
        }
    }
}

/// Undoes the percent-encoding. Bytes that are not UTF-8 are refused: a search for U+FFFD is not what
/// was asked.
pub fn decode(text: &str, field: &str) -> Result<String, Fault> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|error| {
        Fault::new(Code::NotUtf8, format!("not UTF-8 at byte {}", error.valid_up_to()))
            .in_field(field)
    })
}

fn bad_value(name: &str, given: &str, expected: &str) -> Fault {
    let shown: String = given.chars().take(40).collect();
    Fault::new(Code::QueryBadValue, format!("`{name}` is `{shown}`; expected {expected}"))
        .in_field(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Params, Fault> {
        Params::strict(Some(raw), &["q", "limit", "all", "timeout"])
    }

    #[test]
    fn decodes_what_browsers_and_curl_send() {
        let params = read("q=a+b%2Bc%20%C3%A9&limit=7&all").unwrap();
        assert_eq!(params.text("q"), "a b+c é");
        assert_eq!(params.number("limit", 1), Ok(7));
        assert_eq!(params.switch("all"), Ok(true));
        assert_eq!(params.switch_or("none", true), Ok(true));
        assert_eq!(read("all=0").unwrap().switch_or("all", true), Ok(false));
        assert_eq!(read("").unwrap().number("limit", 1), Ok(0));
        assert_eq!(read("q=100%").unwrap().text("q"), "100%");
    }

    #[test]
    fn times_have_units() {
        let time = |text: &str| read(&format!("timeout={text}")).unwrap().duration("timeout");
        assert_eq!(time("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("250"), Ok(Duration::from_millis(250)));
        for bad in ["", "0", "-1s", "5m", "99999999999999999999s"] {
            assert_eq!(time(bad).unwrap_err().code, Code::QueryBadValue, "{bad}");
        }
    }

    #[test]
    fn refuses_by_name() {
        let code = |raw: &str| read(raw).map(|_| ()).unwrap_err();
        assert_eq!(code("limt=1").code, Code::BadRequest);
        assert_eq!(code("limt=1").field, "limt");
        assert_eq!(code("q=a&q=b").code, Code::BadRequest);
        assert_eq!(code("q=%ff").code, Code::NotUtf8);
        assert_eq!(code("q=%ff").field, "q");
        assert_eq!(code(&"x".repeat(10 << 20)).code, Code::TooLarge);
        for bad in ["-1", "0", "x", "4294967296", "1.5"] {
            let fault = read(&format!("limit={bad}")).unwrap().number("limit", 1).unwrap_err();
            assert_eq!((fault.code, fault.field.as_str()), (Code::QueryBadValue, "limit"), "{bad}");
        }
        assert_eq!(read("all=maybe").unwrap().switch("all").unwrap_err().code, Code::QueryBadValue);
    }
}
