//! Values of filters that are numbers with units, or lists of names.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::{Count, Place};

/// Sizes of files, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SizeRange {
    /// The least.
    pub min: u64,
    /// The most; not less than `min`.
    pub max: u64,
}

/// Kinds of definitions, as the value of a `symkind:` names them. What a name means is left to the reader
/// of the query, since this crate knows no languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindFilter {
    /// In lower case, in the order of the text; one at least.
    pub names: Vec<String>,
    /// Where the value stands in the query, so that an unknown name can be pointed at.
    pub place: Place,
}

impl SizeRange {
    /// Whether a file of so many bytes is meant.
    pub fn holds(self, num_bytes: u64) -> bool {
        (self.min..=self.max).contains(&num_bytes)
    }

    /// Reads `>10k`, `<=2m`, `1k..5k`, `..5k` or `100`; none if no size can be so.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let all = Self { min: 0, max: u64::MAX };
        let range = if let Some(rest) = value.strip_prefix(">=") {
            Self { min: num_bytes(rest)?, ..all }
        } else if let Some(rest) = value.strip_prefix("<=") {
            Self { max: num_bytes(rest)?, ..all }
        } else if let Some(rest) = value.strip_prefix('>') {
            Self { min: num_bytes(rest)?.checked_add(1)?, ..all }
        } else if let Some(rest) = value.strip_prefix('<') {
            Self { max: num_bytes(rest)?.checked_sub(1)?, ..all }
        } else if let Some((from, to)) = value.split_once("..") {
            let or = |text: &str, open| if text.is_empty() { Some(open) } else { num_bytes(text) };
            let is_open = from.is_empty() && to.is_empty();
            (!is_open).then_some(Self { min: or(from, all.min)?, max: or(to, all.max)? })?
        } else {
            let exact = num_bytes(value.strip_prefix('=').unwrap_or(value))?;
            Self { min: exact, max: exact }
        };
        (range.min <= range.max).then_some(range)
    }
}

impl Display for SizeRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self { min, max } if min == max => write!(f, "{min}"),
            Self { min, max: u64::MAX } => write!(f, ">={min}"),
            Self { min: 0, max } => write!(f, "<={max}"),
            Self { min, max } => write!(f, "{min}..{max}"),
        }
    }
}

impl KindFilter {
    /// Reads names with commas between them; none if one is empty or no name.
    pub(crate) fn parse(value: &str, place: Place) -> Option<Self> {
        let is_name = |name: &&str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let names: Vec<&str> = value.split(',').collect();
        names.iter().all(is_name).then(|| Self {
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            place,
        })
    }
}

/// A number with `k`, `m` or `g` for powers of 1,024, in either case, with `b` or `ib` after it or not.
fn num_bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    number(digits)?.checked_mul(1 << shift)
}

/// A time with its unit: `500ms`, `2s`, `1m`. Not zero.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    let ms = number(digits)?.checked_mul(unit_ms)?;
    (ms > 0).then(|| Duration::from_millis(ms))
}

/// `all`, or a number that is not zero.
pub(crate) fn count(text: &str) -> Option<Count> {
    if text.eq_ignore_ascii_case("all") {
        return Some(Count::All);
    }
    let most = u32::try_from(number(text)?).ok()?;
    (most > 0).then_some(Count::Most(most))
}

/// Digits and nothing else.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_bounds_and_units() {
        for (text, min, max) in [
            (">10k", 10_241, u64::MAX),
            (">=10K", 10_240, u64::MAX),
            ("<10kb", 0, 10_239),
            ("<=1MiB", 0, 1 << 20),
            ("1k..2k", 1_024, 2_048),
            ("..5", 0, 5),
            ("5..", 5, u64::MAX),
            ("100", 100, 100),
            ("=0b", 0, 0),
            ("1g", 1 << 30, 1 << 30),
        ] {
            assert_eq!(SizeRange::parse(text), Some(SizeRange { min, max }), "{text}");
        }
        for text in [
            "",
            "k",
            ">",
            "<0",
            "2..1",
            "..",
            "1x",
            "-1",
            "+1",
            "1.5k",
            "1 k",
            "99999999999999999999",
            "18446744073709551615g",
            ">18446744073709551615",
            "1...2",
            "1..2..3",
        ] {
            assert_eq!(SizeRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_and_counts_are_not_zero() {
        assert_eq!(time("1500ms"), Some(Duration::from_millis(1_500)));
        assert_eq!(time("2S"), Some(Duration::from_secs(2)));
        assert_eq!(time("1m"), Some(Duration::from_secs(60)));
        for text in ["", "2", "0s", "2h", "-1s", "s", "1.5s", "99999999999999999999s"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(count("ALL"), Some(Count::All));
        assert_eq!(count("7"), Some(Count::Most(7)));
        for text in ["", "0", "-1", "+1", "4294967296", "some"] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}
