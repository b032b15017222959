//! What is fuzzed: each target takes bytes, and panics when something does not hold of them.

use ax_engine::{
    BuildOptions, Doc, Origin, PlaceQuery, ReferenceQuery, Segment, SegmentBuilder, Snapshot, Stop,
    SymbolQuery, merge,
};
use ax_model::{
    BlobId, Content, ContentHash, DocKey, FileKind, FileVersion, Generation, Offset, OffsetRange,
    RepoName, SegmentId, ShardId,
};
use ax_query::grams::{GramLimits, grams_of, plan as plan_of};
use ax_query::{Atom, Expr, Limits, parse};
use bytes::Bytes;
use regex_automata::meta::Regex;
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Longest text that is planned and searched.
const MOST_TEXT: usize = 4_096;
/// Longest regular expression: slow ones are another test's business.
const MOST_REGEX: usize = 256;
/// What a question about names may take: an input should be quick, and is one of millions.
const DEADLINE: Duration = Duration::from_millis(100);

/// A query: read without a panic; an error points into the text; what is printed reads the same.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse(text, &Limits::default()) {
        Err(error) => assert!(text.get(error.span.clone()).is_some(), "{error:?}"),
        Ok(query) => {
            let printed = query.to_string();
            if printed.len() > Limits::default().max_bytes {
                return; // the canonical form spells out what the text abbreviates
            }
            let again = parse(&printed, &Limits::default());
            assert_eq!(again.as_ref(), Ok(&query), "printed as {printed:?}");
        }
    }
}

/// Flags, a regular expression, a NUL and a text: a text with a match satisfies the plan.
pub fn plan(data: &[u8]) {
    let Some((flags, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let (regex, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(regex) = std::str::from_utf8(regex) else { return };
    if regex.len() > MOST_REGEX || text.len() > MOST_TEXT || regex.contains('/') {
        return;
    }
    let case = if flags & 1 == 0 { "yes" } else { "no" };
    let Ok(query) = parse(&format!("case:{case} content:/{regex}/"), &Limits::default()) else {
        return;
    };
    let Expr::Atom(Atom::Text { pattern, .. }) = query.expr else { return };
    let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(1 << 20));
    let Ok(regex) = Regex::builder().configure(config).build_from_hir(pattern.hir()) else {
        return;
    };
    let limits = match flags & 2 {
        0 => GramLimits::default(),
        _ => GramLimits { max_class: 3, max_strings: 4, max_string_bytes: 24, max_grams: 6 },
    };
    let plan = plan_of(pattern.hir(), &limits);
    assert!(plan.num_grams() <= limits.max_grams, "{plan}");
    if let Some(found) = regex.find(text) {
        let grams: HashSet<_> = grams_of(text).collect();
        assert!(plan.matches(&|gram| grams.contains(&gram)), "{found:?} is lost by {plan}");
    }
}

/// A segment's file, as it is, changed, cut, or changed with its checksums mended: typed errors, and no
/// answer that panics.
pub fn segment(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder for a segment");
    let bytes = match mode % 4 {
        0 => rest.to_vec(),
        1 => changed(whole_segment().to_vec(), rest),
        2 => whole_segment()[..place(rest, whole_segment().len())].to_vec(),
        _ => forged(rest),
    };
    let path = folder.path().join("s.seg");
    std::fs::write(&path, bytes).expect("room for a segment");
    let Ok(segment) = Segment::open(&path) else { return };
    let _ = segment.verify();
    let Ok(all) = Snapshot::new(vec![segment]) else { return };
    for text in ["parse", "/p.*e/", "file:a", "sym:parse", "/(?s)p.*p/", "branch:main second"] {
        let query = parse(text, &Limits::default()).expect("a query");
        let _ = all.search(&query, &Default::default(), &Stop::never());
    }
    let _ = all.documents().count();
    let _ = all.repositories();
    let _ = all.skipped(&name("r"), "", 10);
    let _ = all.file(&key("r", "again.txt"), None);
    ask_for_names(&all);
    let _ = merge(&all, 0..1, options(folder.path(), 0, false), &folder.path().join("merged.seg"));
}

/// What is defined and used in a segment that may be damaged: answers or typed errors.
fn ask_for_names(all: &Snapshot) {
    let stop = || Stop::at(Instant::now() + DEADLINE);
    for text in ["sym:parse", "sym:/p.*e/ lang:rust", "sym:p symkind:function file:lib repo:r"] {
        let query = parse(text, &Limits::default()).expect("a query");
        let query = SymbolQuery::of(&query).expect("one name and filters");
        let _ = all.symbols(&query, &Origin::default(), 10, &stop());
    }
    let lib = key("r", "src/lib.rs");
    for (line, column) in [(1, 8), (30, 18), (u64::MAX, u32::MAX)] {
        let place = PlaceQuery { key: &lib, branch: None, blob: None, line, column };
        let Ok(Some(place)) = all.place(&place) else { continue };
        let _ = all.symbols(&SymbolQuery::exact(&place.name), &place.origin, 10, &stop());
    }
    for name in ["parse_http", "fn", "second"] {
        let query = ReferenceQuery { name, language: None, limit: 10, max_per_file: 100 };
        let _ = all.references(&query, &Origin::default(), &stop());
    }
}

/// A small segment with everything in it.
fn whole_segment() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for a segment");
        let path = build(folder.path(), 0, true, |builder| {
            let text = "pub fn parse_http() {}\n".repeat(30);
            put(builder, &key("r", "src/lib.rs"), vec![doc(&text, &["main", "dev"])]);
            put(builder, &key("r", "again.txt"), vec![doc("second\n", &["main"])]);
            builder.delete(&key("r", "gone.txt")).expect("a deletion");
            builder.delete_repository(&name("old"));
        });
        std::fs::read(path).expect("a segment that was built")
    })
}

/// Bytes written over others, as said by threes: a place, and a byte.
fn changed(mut bytes: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    for change in rest.chunks_exact(3) {
        let at = place(change, bytes.len());
        bytes[at] = change[2];
    }
    bytes
}

fn place(bytes: &[u8], len: usize) -> usize {
    let place = bytes.iter().take(2).fold(0, |place, byte| place << 8 | usize::from(*byte));
    place % len.max(1)
}

/// A section of our own changed, and all checksums made right again.
fn forged(rest: &[u8]) -> Vec<u8> {
    use prost::Message;
    let mut bytes = whole_segment().to_vec();
    let Some((number, changes)) = rest.split_first() else { return bytes };
    let trailer = bytes.split_off(bytes.len() - 20);
    let len = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]) as usize;
    let footer = bytes.split_off(bytes.len() - len);
    let mut footer = ax_proto::manifest::SegmentFooter::decode(footer.as_slice()).expect("ours");
    let is_ours = |section: &&mut ax_proto::manifest::Section| {
        !section.name.starts_with("index/") && section.num_bytes > 0
    };
    let mut sections: Vec<_> = footer.sections.iter_mut().filter(is_ours).collect();
    let number = usize::from(*number) % sections.len();
    let section = &mut sections[number];
    let range = section.start as usize..(section.start + section.num_bytes) as usize;
    let new = changed(bytes[range.clone()].to_vec(), changes);
    section.crc32 = crc32fast::hash(&new);
    bytes[range].copy_from_slice(&new);
    let footer = footer.encode_to_vec();
    bytes.extend_from_slice(&footer);
    bytes.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
    bytes.extend_from_slice(&trailer[8..]);
    bytes
}

/// Changes, one per two bytes, cut into segments and merged now and then: what lives is what a map holds.
pub fn fold(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for segments");
    let mut model: BTreeMap<(u8, u8), Vec<u8>> = BTreeMap::new();
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    let mut changes = data[..data.len().min(96)].chunks_exact(2).peekable();
    while changes.peek().is_some() && segments.len() < 8 {
        let number = segments.len();
        let path = build(folder.path(), number, false, |builder| {
            for change in changes.by_ref() {
                let (kind, which) = (change[0] & 7, change[1]);
                let (repo, path) = (which & 1, which >> 1 & 7);
                let key = key(repo_name(repo), &format!("p{path}"));
                match kind {
                    0 => return, // the end of a segment
                    1 => {
                        builder.delete_repository(&name(repo_name(repo)));
                        model.retain(|(of, _), _| *of != repo);
                    }
                    2 => {
                        builder.delete(&key).expect("a deletion");
                        model.remove(&(repo, path));
                    }
                    _ => {
                        let versions = usize::from(which >> 4 & 3);
                        let texts: Vec<u8> = (0..versions as u8).map(|i| change[0] ^ i).collect();
                        let doc_of = |(i, text): (usize, &u8)| {
                            doc(&format!("text {text}\n"), &[["main", "dev", "old"][i]])
                        };
                        put(builder, &key, texts.iter().enumerate().map(doc_of).collect());
                        model.insert((repo, path), texts);
                        model.retain(|_, texts| !texts.is_empty());
                    }
                }
            }
        });
        segments.push(Segment::open(&path).expect("a segment that was built"));
    }
    check_fold(&segments, &model);
    if segments.len() > 1 && data.first().is_some_and(|byte| byte & 8 > 0) {
        let from = usize::from(data[0] >> 4) % (segments.len() - 1);
        merge_from(folder.path(), &mut segments, from);
        check_fold(&segments, &model);
    }
}

fn merge_from(folder: &Path, segments: &mut Vec<Arc<Segment>>, from: usize) {
    let all = Snapshot::new(segments.clone()).expect("segments that were built");
    let dest = folder.join("merged.seg");
    merge(&all, from..segments.len(), options(folder, 99, false), &dest).expect("a merge");
    segments.truncate(from);
    segments.push(Segment::open(&dest).expect("a segment that was merged"));
}

fn check_fold(segments: &[Arc<Segment>], model: &BTreeMap<(u8, u8), Vec<u8>>) {
    let all = Snapshot::new(segments.to_vec()).expect("segments that were built");
    let mut live: Vec<(DocKey, BlobId)> = Vec::new();
    for found in all.documents() {
        let found = found.expect("a document");
        live.push((found.key, found.blob));
    }
    live.sort();
    let mut expected: Vec<(DocKey, BlobId)> = Vec::new();
    for ((repo, path), texts) in model {
        let key = key(repo_name(*repo), &format!("p{path}"));
        let blobs = texts.iter().map(|text| blob_of(format!("text {text}\n").as_bytes()));
        expected.extend(blobs.map(|blob| (key.clone(), blob)));
    }
    expected.sort();
    assert_eq!(live, expected);
}

fn repo_name(repo: u8) -> &'static str {
    ["a", "a/b"][usize::from(repo)]
}

fn name(repo: &str) -> RepoName {
    RepoName::new(repo).expect("a name")
}

fn key(repo: &str, path: &str) -> DocKey {
    DocKey::new(name(repo), path).expect("a key")
}

fn blob_of(text: &[u8]) -> BlobId {
    BlobId(ContentHash::of(text).0[..20].to_vec())
}

fn doc(text: &str, branches: &[&str]) -> Doc {
    let version = FileVersion {
        blob: blob_of(text.as_bytes()),
        branches: branches.iter().map(|name| (*name).to_owned()).collect(),
        content: Content::Inline(Bytes::new()),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    Doc { version, text: Ok(Bytes::copy_from_slice(text.as_bytes())), committed_at_ms: 7 }
}

fn put(builder: &mut SegmentBuilder, key: &DocKey, docs: Vec<Doc>) {
    builder.put(key, docs).expect("a change");
}

fn options(folder: &Path, number: usize, symbols: bool) -> BuildOptions {
    BuildOptions {
        shard: ShardId(0),
        generation: Generation(1),
        id: SegmentId(format!("s{number}")),
        symbols,
        scratch_dir: folder.to_owned(),
    }
}

fn build(
    folder: &Path,
    number: usize,
    symbols: bool,
    fill: impl FnOnce(&mut SegmentBuilder),
) -> std::path::PathBuf {
    let mut builder = SegmentBuilder::new(options(folder, number, symbols)).expect("a builder");
    fill(&mut builder);
    let path = folder.join(format!("s{number}.seg"));
    let range = OffsetRange::new(Offset(0), Offset(1)).expect("a range");
    builder.finish(range, &path).expect("a segment");
    path
}
