//! What a path says of a file, for ranking.

use crate::docs::flag;

const TEST_FOLDERS: [&str; 8] =
    ["test", "tests", "testing", "testdata", "__tests__", "spec", "specs", "fixtures"];
const VENDOR_FOLDERS: [&str; 5] =
    ["vendor", "vendored", "third_party", "third-party", "node_modules"];

/// How many folders a file lies in, at most 255.
pub(crate) fn depth(path: &str) -> u8 {
    u8::try_from(path.matches('/').count()).unwrap_or(u8::MAX)
}

/// The flags that follow from names of folders and of the file.
pub(crate) fn flags(path: &str) -> u8 {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let stem = name.split('.').next().unwrap_or(name);
    // in its own case: `FooTest.java` is one, and `Contest.java` is none
    let cased = &path[path.len() - name.len()..][..stem.len()];
    let in_folder = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
    let is_test = in_folder(&TEST_FOLDERS)
        || ["_test", "-test", "_spec"].iter().any(|end| stem.ends_with(end))
        || ["Test", "Tests"].iter().any(|end| cased.ends_with(end))
        || ["test", "tests"].contains(&stem)
        || stem.starts_with("test_")
        || name.contains(".test.")
        || name.contains(".spec.");
    let mut flags = 0;
    if is_test {
        flags |= flag::TEST;
    }
    if in_folder(&VENDOR_FOLDERS) {
        flags |= flag::VENDORED;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_follow_from_names() {
        for (path, expected) in [
            ("src/main.rs", 0),
            ("latest/contest.c", 0),
            ("src/tests/a.rs", flag::TEST),
            ("pkg/a_test.go", flag::TEST),
            ("ui/a.spec.ts", flag::TEST),
            ("test_a.py", flag::TEST),
            ("src/parser/tests.rs", flag::TEST),
            ("src/FooTest.java", flag::TEST),
            ("src/Contest.java", 0),
            ("third_party/x/tests/y.c", flag::TEST | flag::VENDORED),
        ] {
            assert_eq!(flags(path), expected, "{path}");
        }
        assert_eq!(depth("a/b/c"), 2);
    }
}
