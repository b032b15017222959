//! A set of segments as of one manifest, and which of their documents are live.
//!
//! A document is live if no newer segment names its key (put or deleted) or deletes its repository.

use crate::{
    FileView, LiveDoc, Result, Segment, SkippedDoc, Stats, bits::Bits, branches::Branches,
    docs::DocRecord, keys::KeyKind,
};
use ax_model::{DocKey, RepoName, RepositoryInfo};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Segments to search together, oldest first. Cheap to clone; never changes.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(crate) parts: Vec<Part>,
    branches: Branches,
}

/// A segment and its live documents.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    pub(crate) live: Arc<Bits>,
    pub(crate) branches: Branches,
}

impl Snapshot {
    /// Derives the live documents of `segments`, which are given oldest first.
    pub fn new(segments: Vec<Arc<Segment>>) -> Result<Self> {
        segments
            .into_iter()
            .try_fold(Self::default(), |snapshot, segment| snapshot.with_newer(segment))
    }

    /// This snapshot and one newer segment. Costs a look-up per key of the new segment and older
    /// segment; live sets that do not change are shared.
    pub fn with_newer(&self, segment: Arc<Segment>) -> Result<Self> {
        let branches = self.branches.with_newer(&segment);
        let mut parts: Vec<Part> =
            self.parts.iter().map(|part| part.superseded_by(&segment, &branches)).collect();
        let mut live = Bits::all(segment.docs.num());
        segment.dead.iter().for_each(|doc| live.remove(*doc));
        parts.push(Part { segment, live: Arc::new(live), branches: branches.clone() });
        Ok(Self { parts, branches })
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<Segment>> {
        self.parts.iter().map(|part| &part.segment)
    }

    /// The facts of every repository that is not deleted, in order of name.
    pub fn repositories(&self) -> Vec<RepositoryInfo> {
        let mut found = BTreeMap::new();
        let mut deleted = BTreeSet::new();
        for part in self.parts.iter().rev() {
            for info in part.segment.repositories.iter().filter(|info| !info.is_copy) {
                if !deleted.contains(info.name.as_str()) && !found.contains_key(&info.name) {
                    found.insert(info.name.clone(), info.clone());
                }
            }
            deleted.extend(part.segment.deleted_repositories());
        }
        found.into_values().collect()
    }

    /// The files of `repo` without text whose paths come after `after`, in order of path, at most
    /// `limit`; and whether there are more.
    pub fn skipped(
        &self,
        repo: &RepoName,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<SkippedDoc>, bool)> {
        let mut found = Vec::new();
        for part in &self.parts {
            part.collect_skipped(repo, after, limit.saturating_add(1), &mut found)?;
        }
        found.sort_by(|a, b| (&a.path, &a.branches).cmp(&(&b.path, &b.branches)));
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// One file: the version on `branch`; without a branch, that of the repository's default branch,
    /// or the first.
    pub fn file(&self, key: &DocKey, branch: Option<&str>) -> Result<Option<FileView>> {
        let version = self.version(key, branch, None)?;
        version.map(|(part, doc)| part.view(doc)).transpose()
    }

    /// The document of one version of a file, and the part that holds it; of those on the branch the one
    /// with the blob (in hex), where one is named.
    pub(crate) fn version(
        &self,
        key: &DocKey,
        branch: Option<&str>,
        blob: Option<&str>,
    ) -> Result<Option<(&Part, u32)>> {
        let Some((part, mut docs)) = self.parts.iter().rev().find_map(|part| part.live_docs(key))
        else {
            return Ok(None);
        };
        if let Some(blob) = blob {
            let mut with_blob = Vec::new();
            for doc in docs {
                if part.segment.docs.record(doc)?.blob.to_string() == blob {
                    with_blob.push(doc);
                }
            }
            docs = with_blob;
        }
        let shows = |doc: &u32, branch: &str| part.branches(*doc).contains(&branch);
        let doc = match branch {
            Some(branch) => docs.iter().find(|doc| shows(doc, branch)),
            None => {
                let default = self.branches.default_of(&key.repo);
                docs.iter().find(|doc| shows(doc, default)).or(docs.first())
            }
        };
        Ok(doc.map(|doc| (part, *doc)))
    }

    /// How large it is.
    pub fn stats(&self) -> Stats {
        self.parts.iter().fold(Stats::default(), |stats, part| {
            let live = part.live.count();
            Stats {
                num_segments: stats.num_segments + 1,
                live_docs: stats.live_docs + live,
                dead_docs: stats.dead_docs + part.segment.num_docs() - live,
                text_bytes: stats.text_bytes + part.segment.text_bytes(),
                index_bytes: stats.index_bytes + part.segment.num_bytes(),
            }
        })
    }

    /// How many documents of each segment are dead, oldest first.
    pub fn dead_docs(&self) -> impl ExactSizeIterator<Item = u64> {
        self.parts.iter().map(|part| part.segment.num_docs() - part.live.count())
    }

    /// Every live document, in no order that means anything.
    pub fn documents(&self) -> impl Iterator<Item = Result<LiveDoc>> + '_ {
        let live = self.parts.iter().flat_map(|part| part.live.iter().map(move |doc| (part, doc)));
        live.map(|(part, doc)| {
            let record = part.segment.docs.record(doc)?;
            Ok(LiveDoc {
                key: part.segment.keys.decode(record.key)?,
                branches: part.branch_names(doc),
                blob: record.blob,
                skip: record.skip,
            })
        })
    }
}

impl Part {
    /// The same part after a newer segment came.
    fn superseded_by(&self, newer: &Segment, branches: &Branches) -> Self {
        let older = &self.segment.keys;
        let mut killed = Vec::new();
        let mut place = 0;
        for key in 0..newer.keys.num() {
            let bytes = newer.keys.bytes(key);
            if newer.keys.kind(key) == KeyKind::RepositoryDeleted {
                killed.extend(older.with_prefix(bytes).flat_map(|place| older.docs(place)));
                continue;
            }
            match older.seek(bytes, place) {
                Ok(found) => {
                    killed.extend(older.docs(found));
                    place = found;
                }
                Err(next) => place = next,
            }
        }
        killed.retain(|doc| self.live.has(*doc));
        let mut live = Arc::clone(&self.live);
        if !killed.is_empty() {
            let live = Arc::make_mut(&mut live);
            killed.into_iter().for_each(|doc| live.remove(doc));
        }
        Self { segment: Arc::clone(&self.segment), live, branches: branches.clone() }
    }

    /// The key's live documents in this part, if there are any.
    fn live_docs(&self, key: &DocKey) -> Option<(&Self, Vec<u32>)> {
        let place = self.segment.keys.seek(&key.encode(), 0).ok()?;
        let docs: Vec<u32> =
            self.segment.keys.docs(place).filter(|doc| self.live.has(*doc)).collect();
        (!docs.is_empty()).then_some((self, docs))
    }

    /// The branches that show a document.
    pub(crate) fn branches(&self, doc: u32) -> Vec<&str> {
        self.branches.of(&self.segment.docs, doc)
    }

    pub(crate) fn branch_names(&self, doc: u32) -> Vec<String> {
        self.branches(doc).into_iter().map(str::to_owned).collect()
    }

    fn collect_skipped(
        &self,
        repo: &RepoName,
        after: &str,
        limit: usize,
        found: &mut Vec<SkippedDoc>,
    ) -> Result<()> {
        let keys = &self.segment.keys;
        let of_repo = keys.with_prefix(&DocKey::prefix_of(repo));
        let docs = of_repo
            .filter(|key| keys.path(*key) > after.as_bytes())
            .flat_map(|key| keys.docs(key))
            .filter(|doc| self.live.has(*doc));
        let mut num = 0;
        for doc in docs {
            let record = self.segment.docs.record(doc)?;
            if let Some(reason) = record.skip {
                found.push(SkippedDoc {
                    path: keys.decode(record.key)?.path,
                    branches: self.branch_names(doc),
                    reason,
                    num_bytes: record.num_bytes,
                });
                num += 1;
                if num == limit {
                    break;
                }
            }
        }
        Ok(())
    }

    fn view(&self, doc: u32) -> Result<FileView> {
        let DocRecord { key, language, encoding, skip, blob, kind, num_bytes, .. } =
            self.segment.docs.record(doc)?;
        let strings = &self.segment.docs.strings;
        let encoding = strings.encodings.get(encoding as usize);
        Ok(FileView {
            key: self.segment.keys.decode(key)?,
            text: skip.map_or_else(|| Ok(self.segment.text(doc).to_vec()), Err),
            num_bytes,
            branches: self.branch_names(doc),
            language: strings.language(language).to_owned(),
            blob,
            kind,
            encoding: encoding.cloned().unwrap_or_default(),
        })
    }
}

impl Segment {
    /// Names of the repositories whose older documents this segment deletes.
    pub(crate) fn deleted_repositories(&self) -> impl Iterator<Item = String> + '_ {
        let prefixes = self.deletions.iter().map(|key| self.keys.bytes(*key));
        prefixes.filter_map(|prefix| {
            let name = prefix.strip_suffix(&[0])?;
            String::from_utf8(name.to_vec()).ok()
        })
    }
}
