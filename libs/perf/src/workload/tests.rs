//! Workloads as people write them, well and badly.

use super::*;
use ax_model::Code;

const LEAST: &str = "[target]\nurl = 'http://h:1/'\n[[queries]]\nlist = ['a']\n";

fn set(texts: &[&str]) -> Vec<Setting> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn what_is_not_said_has_a_default() {
    let workload = read("file-name", LEAST, &[]).unwrap();
    assert_eq!(workload.name, "file-name");
    assert_eq!(workload.target, Target::Running { url: "http://h:1".into() });
    let class = &workload.classes[0];
    assert_eq!(
        (class.name.as_str(), class.kind, class.ask),
        ("class 1", Kind::Query, Ask::Page(50))
    );
    let load = &workload.load;
    assert_eq!((load.pace, load.clients, load.cache, load.seed), (Pace::Closed, 1, false, 1));
    assert_eq!((load.warm_up, load.duration), (Duration::from_secs(2), Duration::from_secs(10)));
}

#[test]
fn everything_can_be_said() {
    let text = "name = 'n'\n[target]\nserve = true\n[corpus]\nlabel = 'l'\npath = '/p'\n\
                [[queries]]\nclass = 'w'\nwords = 7\nask = 'count'\nignore_case = true\nweight = 2\n\
                [[queries]]\nclass = 'r'\nfile = 'q.txt'\nkind = 'regex'\nask = 'all'\n\
                [load]\nloop = 'open'\nrate = 10\narrivals = 'poisson'\nduration = '1.5s'\nseed = 9\n\
                [baseline]\ntool = 'ripgrep'\n";
    let workload = read("x", text, &[]).unwrap();
    assert_eq!(workload.corpus.repos, ["/p"], "what is not named is the corpus itself");
    assert_eq!(workload.baseline.unwrap().path, PathBuf::from("/p"));
    let [words, regex] = &workload.classes[..] else { panic!("two classes") };
    assert_eq!((words.kind, words.ask, words.weight), (Kind::Literal, Ask::Count, 2.0));
    assert!(!words.case_sensitive && regex.case_sensitive);
    assert_eq!(regex.source, Source::File("q.txt".into()));
    let pace = Pace::Open { rate: 10.0, arrivals: Arrivals::Poisson };
    assert_eq!((workload.load.pace, workload.load.clients), (pace, 64));
    assert_eq!(workload.load.duration, Duration::from_millis(1500));
}

#[test]
fn settings_win_over_the_file() {
    let settings = set(&["target.url=http://other:2", "load.clients=8", "corpus.label = a b"]);
    let workload = read("x", LEAST, &settings).unwrap();
    assert_eq!(workload.target, Target::Running { url: "http://other:2".into() });
    assert_eq!((workload.load.clients, workload.corpus.label.as_str()), (8, "a b"));
    for bad in ["load.clientz=8", "load.clients=many", "queries.list=1", "name.x=1"] {
        let fault = read("x", LEAST, &set(&[bad])).unwrap_err();
        assert!(fault.field == "--set" || fault.message.contains("--set"), "{bad}: {fault:?}");
    }
    assert!("no equals".parse::<Setting>().is_err() && "=x".parse::<Setting>().is_err());
}

/// What is added to the least workload, the code, and what the message must say.
const BAD: &[(&str, Code, &str)] = &[
    ("[load]\nratee = 1", Code::ConfigUnknownKey, "unknown field `ratee`, expected one of"),
    ("[lode]\n", Code::ConfigUnknownKey, "`lode`"),
    ("[load]\nclients = 'x'", Code::ConfigBadValue, "line 6, `clients = 'x'`"),
    ("[load]\nclients = 0", Code::ConfigBadValue, "load.clients: expected 1 to"),
    ("[load]\nloop = 'opened'", Code::ConfigBadValue, "load.loop: expected `closed` or `open`"),
    ("[load]\nloop = 'open'", Code::ConfigBadValue, "load.rate: expected queries per second"),
    ("[load]\nrate = 5", Code::ConfigBadValue, "load.rate: expected nothing"),
    ("[load]\narrivals = 'even'", Code::ConfigBadValue, "load.arrivals: expected nothing"),
    ("[load]\nloop = 'open'\nrate = -1", Code::ConfigBadValue, "load.rate"),
    ("[load]\nloop = 'open'\nrate = nan", Code::ConfigBadValue, "load.rate"),
    ("[load]\nduration = '10 parsecs'", Code::ConfigBadValue, "load.duration: expected a time"),
    ("[load]\nduration = '7h'", Code::ConfigBadValue, "load.duration"),
    ("[load]\nduration = '-1s'", Code::ConfigBadValue, "load.duration"),
    ("[load]\nseed = -1", Code::ConfigBadValue, "line 6, `seed = -1`"),
    ("[[queries]]\nclass = 'x'", Code::ConfigBadValue, "queries.1: expected exactly one of"),
    ("[[queries]]\nlist = []", Code::ConfigBadValue, "queries.1: expected exactly one of"),
    ("[[queries]]\nlist = ['a']\nclass = 'class 1'", Code::ConfigBadValue, "no other class has"),
    ("[[queries]]\nlist = ['a']\nfile = 'b'", Code::ConfigBadValue, "exactly one of"),
    ("[[queries]]\nwords = 5", Code::ConfigBadValue, "corpus.path: expected the text"),
    ("[[queries]]\nlist = ['a']\nkind = 'glob'", Code::ConfigBadValue, "queries.1.kind"),
    (
        "[[queries]]\nlist = ['a']\nignore_case = true",
        Code::ConfigBadValue,
        "queries.1.ignore_case",
    ),
    ("[[queries]]\nlist = ['a']\nweight = 0", Code::ConfigBadValue, "queries.1.weight"),
    (
        "[[queries]]\nlist = ['a']\nask = 'count'\nlimit = 5",
        Code::ConfigBadValue,
        "queries.1.limit",
    ),
    ("[[queries]]\nlist = ['a']\nlimit = 0", Code::ConfigBadValue, "queries.1.limit"),
    ("[[queries]]\nlist = ['a']\nask = 'some'", Code::ConfigBadValue, "queries.1.ask"),
    (
        "[[queries]]\nlist = ['a']\nask = 'symbols'\nlimit = 5",
        Code::ConfigBadValue,
        "queries.1.limit",
    ),
    (
        "[[queries]]\nlist = ['a']\nask = 'references'\nkind = 'regex'",
        Code::ConfigBadValue,
        "queries.1.kind: expected neither",
    ),
    ("[baseline]\ntool = 'grep'", Code::ConfigBadValue, "baseline.tool: expected `ripgrep`"),
    ("[baseline]\ntool = 'ripgrep'", Code::ConfigBadValue, "baseline.path: expected the folder"),
    ("[load", Code::ConfigBadValue, "line 5"),
];

#[test]
fn errors_name_the_key_and_what_is_expected() {
    for (text, code, says) in BAD {
        let fault = read("x", &format!("{LEAST}{text}\n"), &[]).unwrap_err();
        assert_eq!(fault.code, *code, "{text}: {fault:?}");
        assert!(fault.message.contains(says), "{text}: {}", fault.message);
    }
    for (text, says) in [
        ("[[queries]]\nlist=['a']", "target: expected either"),
        ("[target]\nurl='h:1'\n[[queries]]\nlist=['a']", "target.url"),
        ("[target]\nurl='http://h'\nserve=true\n[[queries]]\nlist=['a']", "target: expected"),
        ("[target]\nserve=true\n[[queries]]\nlist=['a']", "corpus.repos: expected what to serve"),
        ("[target]\nurl='http://h'\n", "queries: expected at least one"),
    ] {
        let fault = read("x", text, &[]).unwrap_err();
        assert!(fault.message.contains(says), "{text}: {}", fault.message);
    }
}

#[test]
fn patterns_become_queries() {
    let mut class = read("x", LEAST, &[]).unwrap().classes.remove(0);
    assert_eq!(class.query("a b"), "a b");
    class.kind = Kind::Literal;
    assert_eq!(class.query(r#"a"\n"#), r#"content:"a\"\\n" case:yes"#);
    class.kind = Kind::Regex;
    class.case_sensitive = false;
    assert_eq!(class.query(r"a/b\/c\\/"), r"content:/a\/b\/c\\\// case:no");
}

#[test]
fn times_as_people_write_and_read_them() {
    for (text, ms) in [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1.5", 1500), ("0", 0)] {
        assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
    }
    for text in ["", "s", "1d", "-1s", "1e400s", "ten"] {
        assert_eq!(duration(text), None, "{text}");
    }
    assert_eq!([spelt(12.34), spelt(1234.0), spelt(45_600.0)], ["12.3 µs", "1.23 ms", "45.6 ms"]);
    assert_eq!(spelt(2_500_000.0), "2.50 s");
}
