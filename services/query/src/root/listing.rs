//! Repositories, their skipped files, and single files, gathered from the shards that hold them.

use super::Root;
use ax_model::{Code, Fault, RepoName, Router, ShardId};
use ax_proto::search::{
    FileRequest, FileResponse, ListRequest, ListResponse, Missing, Repository, SkippedFile,
};
use futures::{StreamExt, stream::FuturesUnordered};
use std::time::{Duration, Instant};

/// How long a listing may take.
const LISTING_TIMEOUT: Duration = Duration::from_secs(10);

/// Repositories in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepositoryPage {
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// There are more after the last one.
    pub more: bool,
    /// Shards that did not answer.
    pub missing: Vec<Missing>,
}

/// Skipped files in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SkippedPage {
    /// The files.
    pub skipped: Vec<SkippedFile>,
    /// There are more after the last one.
    pub more: bool,
    /// Shards that did not answer.
    pub missing: Vec<Missing>,
}

impl SkippedPage {
    /// The first `limit` files of what shards listed. It ends behind a whole path, since the next
    /// page goes on after a path; one path with more versions than `limit` is not cut.
    fn of(lists: Vec<ListResponse>, limit: usize) -> Self {
        // A shard that has more says nothing of what comes after its last path.
        let known_to = lists
            .iter()
            .filter(|list| list.more)
            .filter_map(|list| list.skipped.last().map(|file| file.path.clone()))
            .min();
        let mut skipped: Vec<_> = lists.into_iter().flat_map(|list| list.skipped).collect();
        skipped.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(known_to) = &known_to {
            skipped.retain(|file| file.path <= *known_to);
        }
        let mut page = Self { skipped, more: known_to.is_some(), missing: Vec::new() };
        page.cut(limit);
        page
    }

    fn cut(&mut self, limit: usize) {
        let Some(next) = self.skipped.get(limit).map(|file| file.path.clone()) else { return };
        self.more = true;
        let before = self.skipped.partition_point(|file| file.path < next);
        let end = match before {
            0 => self.skipped.partition_point(|file| file.path <= next),
            before => before,
        };
        self.skipped.truncate(end);
    }
}

/// A file and where it was found.
pub type FoundFile = FileResponse;

impl Root {
    /// At most `limit` repositories whose names come after `after`.
    pub async fn repositories(&self, after: &str, limit: u32) -> Result<RepositoryPage, Fault> {
        let request = ListRequest { limit, after: after.to_owned(), ..Default::default() };
        let (lists, missing) = self.list_everywhere(request).await?;
        let mut page = RepositoryPage { missing, ..Default::default() };
        for list in lists {
            page.more |= list.more;
            page.repositories.extend(list.repositories);
        }
        page.repositories.sort_by(|a, b| a.name.cmp(&b.name));
        page.repositories.dedup_by(|a, b| a.name == b.name);
        page.more |= page.repositories.len() > limit as usize;
        page.repositories.truncate(limit as usize);
        Ok(page)
    }

    /// The facts of one repository; `None` when the index does not hold it.
    pub async fn repository(&self, repo: &RepoName) -> Result<Option<Repository>, Fault> {
        let home = Router::new(self.inner.world.shards).home_of_repo(repo);
        let request =
            ListRequest { repo: repo.as_str().to_owned(), limit: 1, ..Default::default() };
        let list = self.list_shard(home, &request).await?;
        Ok(list.repositories.into_iter().next())
    }

    /// At most `limit` files of `repo` without text whose paths come after `after`.
    pub async fn skipped(
        &self,
        repo: &RepoName,
        after: &str,
        limit: u32,
    ) -> Result<SkippedPage, Fault> {
        let request = ListRequest {
            repo: repo.as_str().to_owned(),
            skipped: true,
            limit,
            after: after.to_owned(),
            ..Default::default()
        };
        let (lists, missing) = self.list_everywhere(request).await?;
        Ok(SkippedPage { missing, ..SkippedPage::of(lists, limit as usize) })
    }

    /// One file. An empty branch means the default one, or the only version.
    ///
    /// Every shard is asked, since a repository's spread may just have changed; it is a look-up by key.
    pub async fn file(
        &self,
        repo: &RepoName,
        path: &str,
        branch: &str,
        request_id: &str,
    ) -> Result<FoundFile, Fault> {
        let deadline = Instant::now() + LISTING_TIMEOUT;
        let mut asked: FuturesUnordered<_> = (0..self.inner.world.shards)
            .map(|shard| {
                let request = FileRequest {
                    shard,
                    repo: repo.as_str().to_owned(),
                    path: path.to_owned(),
                    branch: branch.to_owned(),
                    request_id: request_id.to_owned(),
                };
                self.file_of_shard(request, deadline)
            })
            .collect();
        let mut unanswered = None;
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(file) if file.found => return Ok(file),
                Ok(_) => {}
                Err(fault) => unanswered = Some(fault),
            }
        }
        Err(unanswered.unwrap_or(self.why_not_found(repo, path).await?))
    }

    async fn why_not_found(&self, repo: &RepoName, path: &str) -> Result<Fault, Fault> {
        Ok(match self.repository(repo).await? {
            None => unknown_repository(repo),
            Some(_) => {
                let message = format!("`{repo}` has no file `{path}` in that branch");
                Fault::new(Code::UnknownFile, message).in_field("path")
            }
        })
    }

    async fn file_of_shard(
        &self,
        request: FileRequest,
        deadline: Instant,
    ) -> Result<FileResponse, Fault> {
        self.ask(ShardId(request.shard), deadline, |leaves, peer| {
            let request = request.clone();
            Box::pin(async move { leaves.file(&peer, request, deadline).await })
        })
        .await
    }

    async fn list_shard(
        &self,
        shard: ShardId,
        request: &ListRequest,
    ) -> Result<ListResponse, Fault> {
        let deadline = Instant::now() + LISTING_TIMEOUT;
        self.ask(shard, deadline, |leaves, peer| {
            let request = ListRequest { shard: shard.0, ..request.clone() };
            Box::pin(async move { leaves.list(&peer, request, deadline).await })
        })
        .await
    }

    /// All shards' lists and what is missing; an error when none answered.
    async fn list_everywhere(
        &self,
        request: ListRequest,
    ) -> Result<(Vec<ListResponse>, Vec<Missing>), Fault> {
        let request = &request;
        let calls = (0..self.inner.world.shards).map(ShardId);
        let mut asked: FuturesUnordered<_> = calls
            .map(|shard| async move { (shard, self.list_shard(shard, request).await) })
            .collect();
        let (mut lists, mut missing, mut last) = (Vec::new(), Vec::new(), None);
        while let Some((shard, answer)) = asked.next().await {
            match answer {
                Ok(list) => {
                    missing.extend(list.answer.as_ref().and_then(|answer| answer.stale.clone()));
                    lists.push(list);
                }
                Err(fault) => {
                    let (code, reason) = (fault.code.to_string(), fault.message.clone());
                    missing.push(Missing { shard: shard.0, code, reason });
                    last = Some(fault);
                }
            }
        }
        match last {
            Some(fault) if lists.is_empty() => Err(fault),
            _ => Ok((lists, missing)),
        }
    }
}

/// The fault of naming a repository that is not there.
pub(crate) fn unknown_repository(repo: &RepoName) -> Fault {
    Fault::new(Code::UnknownRepository, format!("there is no repository `{repo}`"))
        .in_field("repo")
        .hint("GET /api/v1/repos lists those that there are")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(paths: &[&str], more: bool) -> ListResponse {
        let file = |path: &&str| SkippedFile { path: (*path).into(), ..Default::default() };
        ListResponse { skipped: paths.iter().map(file).collect(), more, ..Default::default() }
    }

    #[track_caller]
    fn check(lists: &[(&[&str], bool)], limit: usize, expected: &[&str], more: bool) {
        let lists = lists.iter().map(|(paths, more)| list(paths, *more)).collect();
        let page = SkippedPage::of(lists, limit);
        let paths: Vec<_> = page.skipped.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((paths.as_slice(), page.more), (expected, more));
    }

    #[test]
    fn pages_lose_nothing_between_shards_and_versions() {
        check(&[(&["b"], false), (&["a", "c"], false)], 3, &["a", "b", "c"], false);
        check(&[(&["b"], false), (&["a", "c"], false)], 2, &["a", "b"], true);
        check(&[(&["a"], true), (&["z"], false)], 5, &["a"], true);
        check(&[(&["a", "b", "b"], false)], 2, &["a"], true);
        check(&[(&["b", "b", "b", "c"], false)], 2, &["b", "b", "b"], true);
    }
}
