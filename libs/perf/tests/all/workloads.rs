//! The workloads that come along can be read, on any machine, and docs/perf.md names each of them.

use ax_perf::workload::{Pace, Source, Target, read};
use std::{fs, path::Path};

#[test]
fn every_workload_that_ships_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("tests/bench/workloads");
    let page = fs::read_to_string(root.join("docs/perf.md")).unwrap();
    let settings = ["corpus.path=/some/text".parse().unwrap()];
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let workload =
            read(&name, &text, &settings).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(workload.target, Target::Serve, "{name}");
        assert!(page.contains(&format!("`{name}`")), "docs/perf.md does not name {name}");
        for class in &workload.classes {
            if let Source::File(file) = &class.source {
                assert!(folder.join(file).is_file(), "{name}: {} is missing", file.display());
            }
        }
        // What its name promises.
        match name.as_str() {
            "clients-8" => {
                assert_eq!((workload.load.clients, workload.load.pace), (8, Pace::Closed))
            }
            "clients-200" => assert_eq!(workload.load.clients, 200),
            _ => assert_eq!(workload.load.clients, 1, "{name}: latencies of one who asks"),
        }
        names.push(name);
    }
    assert!(names.len() >= 7, "{names:?}");
}
