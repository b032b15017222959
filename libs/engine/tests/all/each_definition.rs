//! Going through all definitions.

use crate::common::{build, doc, key};
use ax_engine::{Segment, Snapshot};

fn definitions(snapshot: &Snapshot) -> Vec<String> {
    let documents: Vec<_> = snapshot.documents().map(|doc| doc.unwrap().key.path).collect();
    let mut found = Vec::new();
    let add = |name: ax_engine::DefinedName<'_>| {
        let test = if name.is_test { " (test)" } else { "" };
        found.push(format!("{} {} {}{test}", documents[name.document], name.kind, name.name));
    };
    snapshot.each_definition(add).unwrap();
    found.sort();
    found
}

#[test]
fn every_definition_of_live_documents_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let older = build(folder.path(), "older", |builder| {
        let c = "int open(void)\n{\n\treturn 0;\n}\n";
        builder.put(&key("r", "a.c"), vec![doc(c, &["main"])]).unwrap();
        builder.put(&key("r", "b.c"), vec![doc(c, &["main"])]).unwrap();
    });
    let newer = build(folder.path(), "newer", |builder| {
        builder.put(&key("r", "a.c"), vec![doc("struct gone { int x; };\n", &["main"])]).unwrap();
        builder.put(&key("r", "tests/c.rs"), vec![doc("fn check() {}\n", &["main"])]).unwrap();
    });
    let open = |built: &ax_engine::BuiltSegment| Segment::open(&built.path).unwrap();
    let one = Snapshot::new(vec![open(&older)]).unwrap();
    assert_eq!(definitions(&one), ["a.c function open", "b.c function open"]);
    let both = one.with_newer(open(&newer)).unwrap();
    let found = definitions(&both);
    assert!(found.contains(&"a.c struct gone".to_owned()), "{found:?}");
    assert!(!found.contains(&"a.c function open".to_owned()), "superseded: {found:?}");
    assert!(found.contains(&"b.c function open".to_owned()), "{found:?}");
    assert!(found.contains(&"tests/c.rs function check (test)".to_owned()), "{found:?}");
}
