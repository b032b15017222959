//! Reads: one key, or all keys under a prefix as of one revision.

use super::{EtcdStore, MAX_MESSAGE_BYTES, call};
use crate::{CoordinationError, Entry, LeaseId, Listing, Revision};
use bytes::Bytes;
use etcd_client::{Error, GetOptions, GetResponse, KeyValue};

/// Keys asked for at once. Halved when an answer is over [`MAX_MESSAGE_BYTES`].
const PAGE_KEYS: i64 = 1_000;

/// How often a listing begins anew because its revision was compacted under it.
const MAX_RESTARTS: u32 = 3;

pub(super) async fn get(store: &EtcdStore, key: &str) -> Result<Option<Entry>, CoordinationError> {
    let key = store.key(key);
    let answer = call::idempotent(store.request_timeout, || {
        let (mut client, key) = (store.client.kv_client(), key.clone());
        async move { client.get(key, None).await }
    });
    let answer = answer.await.map_err(call::into_error)?;
    answer.kvs().first().map(|kv| entry(&store.namespace, kv)).transpose()
}

pub(super) async fn list(store: &EtcdStore, prefix: &str) -> Result<Listing, CoordinationError> {
    for _ in 0..MAX_RESTARTS {
        match list_once(store, prefix).await {
            Err(error) if call::is_compacted(&error) => {}
            Err(error) => return Err(call::into_error(error)),
            Ok(pages) => return listing(&store.namespace, pages),
        }
    }
    Err(CoordinationError::Unavailable("compacted faster than it can be listed".to_owned()))
}

/// Keys and values, and the revision that they stand for.
struct Pages {
    kvs: Vec<KeyValue>,
    revision: i64,
}

async fn list_once(store: &EtcdStore, prefix: &str) -> Result<Pages, Error> {
    let mut from = store.key(prefix).into_bytes();
    let end = prefix_end(&from);
    let mut pages = Pages { kvs: Vec::new(), revision: 0 };
    let mut page_keys = PAGE_KEYS;
    loop {
        let options = GetOptions::new()
            .with_range(end.clone())
            .with_limit(page_keys)
            .with_revision(pages.revision);
        let mut page = match read_page(store, &from, options).await {
            Err(error) if call::is_oversized(&error) && page_keys > 1 => {
                page_keys /= 2;
                continue;
            }
            outcome => outcome?,
        };
        if pages.revision == 0 {
            pages.revision = revision_of(&page)?;
        }
        pages.kvs.extend(page.take_kvs());
        match pages.kvs.last() {
            Some(last) if page.more() => from = [last.key(), b"\0"].concat(),
            _ => return Ok(pages),
        }
    }
}

async fn read_page(
    store: &EtcdStore,
    from: &[u8],
    options: GetOptions,
) -> Result<GetResponse, Error> {
    call::idempotent(store.request_timeout, || {
        let mut client = store.client.kv_client().max_decoding_message_size(MAX_MESSAGE_BYTES);
        let (from, options) = (from.to_vec(), options.clone());
        async move { client.get(from, Some(options)).await }
    })
    .await
}

fn revision_of(page: &GetResponse) -> Result<i64, Error> {
    let header = page.header().ok_or_else(|| Error::Internal("no header".to_owned()))?;
    Ok(header.revision())
}

fn listing(namespace: &str, pages: Pages) -> Result<Listing, CoordinationError> {
    let entries = pages.kvs.iter().map(|kv| entry(namespace, kv)).collect::<Result<_, _>>()?;
    Ok(Listing { entries, revision: revision(pages.revision) })
}

/// An entry as the caller knows it. Every key under a namespace is ours, hence text.
pub(super) fn entry(namespace: &str, kv: &KeyValue) -> Result<Entry, CoordinationError> {
    Ok(Entry {
        key: local_key(namespace, kv.key())?,
        value: Bytes::copy_from_slice(kv.value()),
        created: revision(kv.create_revision()),
        modified: revision(kv.mod_revision()),
        lease: (kv.lease() != 0).then(|| LeaseId(kv.lease())),
    })
}

pub(super) fn local_key(namespace: &str, key: &[u8]) -> Result<String, CoordinationError> {
    let local = key.strip_prefix(namespace.as_bytes()).and_then(|key| str::from_utf8(key).ok());
    let foreign = || format!("the key {} is not ours", String::from_utf8_lossy(key));
    local.map(str::to_owned).ok_or_else(|| CoordinationError::Broken(foreign()))
}

/// etcd's revisions are never negative.
pub(super) fn revision(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or(0))
}

/// The first key after all those that start with `prefix`; `\0` stands for the end of all keys.
pub(super) fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|&byte| byte < u8::MAX);
    match kept {
        Some(last) => [&prefix[..last], &[prefix[last] + 1]].concat(),
        None => vec![0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_end_is_the_next_key_that_does_not_start_with_it() {
        assert_eq!(prefix_end(b"ax/"), b"ax0");
        assert_eq!(prefix_end(b"a\xff\xff"), b"b");
        assert_eq!(prefix_end(b"\xff"), [0]);
        assert_eq!(prefix_end(b""), [0]);
    }

    #[test]
    fn a_key_of_another_namespace_is_refused() {
        assert_eq!(local_key("ax/", b"ax/members/1").unwrap(), "members/1");
        assert!(local_key("ax/", b"bx/members/1").is_err());
        assert!(local_key("ax/", b"ax/\xff").is_err());
    }
}
