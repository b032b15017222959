//! Branches that came after the documents which show them.
//!
//! A document names the branches that show it *as of* a number, the repository's count of branch
//! additions when it was written. A branch that is added later begins as a copy of another one: only
//! the paths that differ from it are written again, and this history says the rest. So a new branch of
//! a large repository costs what it changes.
//!
//! Rejected: a document that names all its branches as of now, which a new branch writes again for
//! every path; numbered sets of branches, which need a table that no crash may tear from the documents.

use serde::{Deserialize, Serialize};

/// Where a branch came from: at addition `number`, `branch` showed what `from` showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchOrigin {
    /// The count of additions that it made; documents as of this number or later name it themselves.
    pub number: u32,
    /// The branch.
    pub branch: String,
    /// What it is a copy of; `None`: of nothing, all its paths were written.
    pub from: Option<String>,
}

/// How a repository's branches came to be, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BranchHistory {
    /// The count of additions so far: documents written now are as of this number.
    pub number: u32,
    /// The additions that still matter, oldest first.
    pub origins: Vec<BranchOrigin>,
}

impl BranchHistory {
    /// The name under which a document as of `as_of` knows what `branch` shows now; `None` when it was
    /// written before the branch, and the branch is a copy of nothing.
    pub fn name_as_of<'a>(&'a self, branch: &'a str, as_of: u32) -> Option<&'a str> {
        let mut name = branch;
        let mut before = u32::MAX;
        let newest = |name: &str, before: u32| {
            let later = self.origins.iter().rev().filter(|o| o.number < before && o.number > as_of);
            later.into_iter().find(|origin| origin.branch == name)
        };
        while let Some(origin) = newest(name, before) {
            name = origin.from.as_deref()?;
            before = origin.number;
        }
        Some(name)
    }

    /// This history after addition `number` of branches, each with what it is a copy of. What no branch
    /// of `heads` leads to is dropped.
    pub fn with<'a>(
        &self,
        number: u32,
        added: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        heads: &[&str],
    ) -> Self {
        let mut origins = self.origins.clone();
        origins.extend(added.into_iter().map(|(branch, from)| BranchOrigin {
            number,
            branch: branch.to_owned(),
            from: from.map(str::to_owned),
        }));
        let mut needed = vec![false; origins.len()];
        let mut ask: Vec<(&str, u32)> = heads.iter().map(|head| (*head, u32::MAX)).collect();
        while let Some((name, before)) = ask.pop() {
            let newest = origins.iter().rposition(|o| o.number < before && o.branch == name);
            if let Some(at) = newest.filter(|at| !needed[*at]) {
                needed[at] = true;
                ask.extend(origins[at].from.as_deref().map(|from| (from, origins[at].number)));
            }
        }
        let mut needed = needed.into_iter();
        origins.retain(|_| needed.next().unwrap_or_default());
        Self { number, origins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_the_name_of_what_it_copied() {
        let heads = ["main", "foo", "bar"];
        let history = BranchHistory::default().with(1, [("foo", Some("main"))], &heads).with(
            2,
            [("bar", Some("foo"))],
            &heads,
        );
        assert_eq!(history.name_as_of("main", 0), Some("main"));
        assert_eq!(history.name_as_of("foo", 0), Some("main"));
        assert_eq!(history.name_as_of("bar", 0), Some("main"));
        assert_eq!(history.name_as_of("bar", 1), Some("foo"));
        assert_eq!(history.name_as_of("bar", 2), Some("bar"));
    }

    #[test]
    fn a_branch_of_nothing_is_not_in_older_documents() {
        let history = BranchHistory::default().with(3, [("foo", None)], &["foo"]);
        assert_eq!(history.name_as_of("foo", 2), None, "though another branch had the name once");
        assert_eq!(history.name_as_of("foo", 3), Some("foo"));
    }

    #[test]
    fn two_that_swap_names_in_one_addition_do_not_go_in_circles() {
        let swap = [("a", Some("b")), ("b", Some("a"))];
        let history = BranchHistory::default().with(1, swap, &["a", "b"]);
        assert_eq!(history.name_as_of("a", 0), Some("b"));
        assert_eq!(history.name_as_of("b", 0), Some("a"));
    }

    #[test]
    fn what_nothing_leads_to_is_dropped() {
        let mut history = BranchHistory::default();
        for number in 1..1000 {
            history = history.with(number, [("tmp", Some("main"))], &["main", "tmp"]);
        }
        assert_eq!(history.origins.len(), 1);
        let history = history.with(1000, [("kept", Some("tmp"))], &["main", "kept"]);
        assert_eq!(history.origins.len(), 2, "tmp is gone, and kept came from it");
        assert_eq!(history.name_as_of("kept", 5), Some("main"));
        let history = history.with(1001, [], &["main"]);
        assert_eq!((history.number, history.origins.len()), (1001, 0));
    }
}
