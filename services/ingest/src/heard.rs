//! What a code host says of a repository with its webhooks, kept with the registration. Pure.

use ax_model::SaidFacts;
use ax_proto::cluster::Registration;

/// The registration with what its code host says now; `None` when that is no news. Every push says how
/// many stars there are: a tenth more or less is none, since each change of a registration is a write
/// for every ingest process to read.
pub(crate) fn after_hearing(registration: &Registration, said: SaidFacts) -> Option<Registration> {
    if registration.removed {
        return None; // it is on its way out
    }
    let before = ax_cluster::said_of(registration.heard.as_ref());
    let mut now = said.or(before);
    if let (Some(old), Some(new)) = (before.rank, now.rank)
        && u64::from(old.abs_diff(new)) * 10 <= u64::from(old)
    {
        now.rank = before.rank;
    }
    let heard = ax_cluster::said_to_wire(now);
    (now != before).then(|| Registration { heard, ..registration.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(registration: &Registration) -> SaidFacts {
        ax_cluster::said_of(registration.heard.as_ref())
    }

    #[test]
    fn news_are_kept_and_nothing_else_is() {
        let none = SaidFacts::default();
        let new = Registration { name: "r".into(), ..Default::default() };
        assert_eq!(after_hearing(&new, none), None);
        let said = SaidFacts { archived: Some(false), rank: Some(100), ..none };
        let first = after_hearing(&new, said).unwrap();
        assert_eq!((heard(&first), first.name.as_str()), (said, "r"));
        for no_news in [none, said, SaidFacts { rank: Some(110), ..none }] {
            assert_eq!(after_hearing(&first, no_news), None, "{no_news:?}");
        }
        let more = after_hearing(&first, SaidFacts { rank: Some(111), ..none }).unwrap();
        assert_eq!(heard(&more), SaidFacts { rank: Some(111), ..said });
        let archived = SaidFacts { archived: Some(true), rank: Some(101), ..none };
        let archived = after_hearing(&first, archived).unwrap();
        assert_eq!(heard(&archived), SaidFacts { archived: Some(true), ..said });
        let removed = Registration { removed: true, ..new };
        assert_eq!(after_hearing(&removed, said), None);
    }
}
