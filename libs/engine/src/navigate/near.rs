//! How near an answer is to where the question was asked.

use rustc_hash::FxHashSet;

/// Where a question is asked from. Without a path it is asked from nowhere, and everything is as near.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Repository.
    pub repo: String,
    /// Path.
    pub path: String,
    /// Branch; empty for none in particular.
    pub branch: String,
    /// Language name; empty when unknown.
    pub language: String,
    /// Names of the definitions around the place, outermost first.
    pub scopes: Vec<String>,
    /// What the file imports: words between slashes, as in `crate/net/sock`.
    pub imports: Vec<String>,
}

/// What may answer it.
#[derive(Debug, Clone, Copy)]
pub struct Nearby<'a> {
    /// Repository.
    pub repo: &'a str,
    /// Path.
    pub path: &'a str,
    /// Language name.
    pub language: &'a str,
    /// What the definition is defined in.
    pub container: Option<&'a str>,
    /// The branch asked from shows it.
    pub on_branch: bool,
}

/// How far an answer is; less is nearer. Fields in order of weight:
///
/// | field | less is |
/// |---|---|
/// | `scope` | in the same file: defined in the innermost definition around the place, then in those around it, then at the top, then elsewhere in the file; then in any other file |
/// | `import` | the file's imports name more of the path's end: `net/sock` more than `sock` |
/// | `family` | languages that are used from one another, as C and C++ |
/// | `repo` | the same repository |
/// | `path` | fewer folders to walk up and down from one file to the other |
/// | `branch` | shown by the branch asked from |
///
/// The language comes before the path: what a Rust file uses is hardly ever the Python script beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance {
    scope: u8,
    import: u8,
    family: bool,
    repo: bool,
    path: u32,
    branch: bool,
}

/// An origin made ready to be measured from many times.
pub(super) struct Compass<'o> {
    origin: &'o Origin,
    /// The words of its imports: most files are named by none of them, and are told so at once.
    imported: FxHashSet<&'o str>,
}

impl<'o> Compass<'o> {
    pub(super) fn new(origin: &'o Origin) -> Self {
        let imported = origin.imports.iter().flat_map(|import| import.split('/')).collect();
        Self { origin, imported }
    }

    pub(super) fn origin(&self) -> &'o Origin {
        self.origin
    }

    /// Whether the question is asked from this file.
    pub(super) fn is_at(&self, repo: &str, path: &str) -> bool {
        self.origin.path == path && self.origin.repo == repo
    }

    /// As [`Origin::distance`].
    pub(super) fn distance(&self, to: &Nearby<'_>) -> Distance {
        self.origin.measure(to, |name| self.imported.contains(name))
    }
}

/// Of another file.
const OTHER_FILE: u8 = u8::MAX;

impl Origin {
    /// How far `to` is.
    pub fn distance(&self, to: &Nearby<'_>) -> Distance {
        self.measure(to, |_| true)
    }

    /// The same, given which names some import may hold.
    fn measure(&self, to: &Nearby<'_>, may_hold: impl Fn(&str) -> bool) -> Distance {
        if self.path.is_empty() {
            return Distance::default();
        }
        let same_repo = self.repo == to.repo;
        let same_file = same_repo && self.path == to.path;
        Distance {
            scope: if same_file { self.scopes_between(to.container) } else { OTHER_FILE },
            import: if same_file { 0 } else { u8::MAX - self.imported(to, may_hold) },
            family: family(&self.language) != family(to.language),
            repo: !same_repo,
            path: if same_repo { folders_between(&self.path, to.path) } else { 0 },
            branch: !to.on_branch,
        }
    }

    /// How many definitions one leaves to come from the place into `container`.
    fn scopes_between(&self, container: Option<&str>) -> u8 {
        let num = self.scopes.len();
        let left = match container {
            None => num,
            Some(name) => {
                self.scopes.iter().rev().position(|scope| scope == name).unwrap_or(num + 1)
            }
        };
        u8::try_from(left).unwrap_or(u8::MAX).min(OTHER_FILE - 1)
    }

    /// How many names at the end of a path some import holds one after another. A file that stands for
    /// its folder goes by the folder's name.
    fn imported(&self, to: &Nearby<'_>, may_hold: impl Fn(&str) -> bool) -> u8 {
        let (folders, file) = to.path.rsplit_once('/').unwrap_or(("", to.path));
        let file = file.split('.').next().unwrap_or(file);
        let is_folder = STANDS_FOR_FOLDER.contains(&file) || to.language == "Go";
        let last = if is_folder { folders.rsplit('/').next().unwrap_or("") } else { file };
        if !may_hold(last) {
            return 0; // most files: told so before anything is taken apart
        }
        let folders = folders.split('/').filter(|_| !folders.is_empty());
        let names: Vec<&str> = folders.chain((!is_folder).then_some(file)).collect();
        let best = self.imports.iter().map(|import| most_in_common(&names, import)).max();
        u8::try_from(best.unwrap_or(0)).unwrap_or(u8::MAX)
    }
}

const STANDS_FOR_FOLDER: [&str; 5] = ["mod", "lib", "index", "__init__", "init"];

/// The longest run of names that ends both `names` and some beginning of `import`.
fn most_in_common(names: &[&str], import: &str) -> usize {
    let words: Vec<&str> = import.split('/').collect();
    let ends = (1..=words.len()).map(|end| {
        let pairs = words[..end].iter().rev().zip(names.iter().rev());
        pairs.take_while(|(word, name)| word == name).count()
    });
    ends.max().unwrap_or(0)
}

/// Folders to leave and to enter on the way from one file to another.
fn folders_between(from: &str, to: &str) -> u32 {
    let folders = |path: &str| path.split('/').count() - 1;
    let pairs = from.split('/').zip(to.split('/'));
    let common = pairs.take_while(|(a, b)| a == b).count().min(folders(from)).min(folders(to));
    u32::try_from(folders(from) + folders(to) - 2 * common).unwrap_or(u32::MAX)
}

/// Languages that use one another's names go by one of them.
pub(super) fn family(language: &str) -> &str {
    match language {
        "C++" | "Objective-C" | "CUDA" => "C",
        "TypeScript" | "TSX" | "Vue" | "Svelte" => "JavaScript",
        "Kotlin" | "Scala" | "Groovy" => "Java",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Origin {
            repo: "acme/api".into(),
            path: "src/net/sock.rs".into(),
            branch: "main".into(),
            language: "Rust".into(),
            scopes: owned(&["Sock", "send"]),
            imports: owned(&["crate/util/bytes/Buf", "store"]),
        }
    }

    fn at<'a>(repo: &'a str, path: &'a str, container: Option<&'a str>) -> Nearby<'a> {
        let language = if path.ends_with(".py") { "Python" } else { "Rust" };
        Nearby { repo, path, language, container, on_branch: true }
    }

    #[test]
    fn the_nearest_come_first() {
        let here = "acme/api";
        let in_order = [
            at(here, "src/net/sock.rs", Some("send")),
            at(here, "src/net/sock.rs", Some("Sock")),
            at(here, "src/net/sock.rs", None),
            at(here, "src/net/sock.rs", Some("Other")),
            at(here, "lib/util/bytes.rs", None),
            at("acme/store", "src/store/lib.rs", None),
            at(here, "src/net/tcp.rs", None),
            at(here, "src/main.rs", None),
            at(here, "tools/gen/main.rs", None),
            at("acme/web", "src/net/tcp.rs", None),
            at(here, "src/net/gen.py", None),
            at("acme/web", "src/gen.py", None),
        ];
        let far: Vec<Distance> = in_order.iter().map(|to| origin().distance(to)).collect();
        for (pair, names) in far.windows(2).zip(in_order.windows(2)) {
            assert!(pair[0] < pair[1], "{names:?}: {pair:?}");
        }
    }

    #[test]
    fn imports_are_matched_from_the_end_of_the_path() {
        let check = |import: &str, path: &str, language: &str, expected: u8| {
            let origin = Origin { imports: vec![import.into()], ..origin() };
            let to = Nearby { language, ..at("x", path, None) };
            assert_eq!(origin.imported(&to, |_| true), expected, "{import} {path}");
            assert_eq!(Compass::new(&origin).distance(&to), origin.distance(&to));
        };
        check("net/sock/h", "include/net/sock.h", "C", 2);
        check("net/sock/h", "net/core/sock.c", "C", 1);
        check("github/com/acme/store", "pkg/store/db.go", "Go", 1);
        check("app/models/user", "app/models/__init__.py", "Python", 2);
        check("lib/util", "web/lib/util.ts", "TypeScript", 2);
        check("lib/util", "web/other.ts", "TypeScript", 0);
    }

    #[test]
    fn what_is_on_the_branch_asked_from_comes_first_among_equals() {
        let other = Nearby { on_branch: false, ..at("acme/api", "src/a.rs", None) };
        assert!(origin().distance(&at("acme/api", "src/a.rs", None)) < origin().distance(&other));
    }

    #[test]
    fn from_nowhere_everything_is_as_near() {
        let nowhere = Origin::default();
        assert_eq!(
            nowhere.distance(&at("a", "b.rs", None)),
            nowhere.distance(&at("c", "d.py", None))
        );
    }
}
