//! Writes: one transaction each, which compares, writes, or shows what stands in the way.

use super::{EtcdStore, call, read};
use crate::{CasOutcome, CoordinationError, Entry, Expect, LeaseId, Revision, Write, WriteOp};
use etcd_client::{
    Compare, CompareOp, Error, KvClient, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};

pub(super) async fn write(
    store: &EtcdStore,
    write: Write,
) -> Result<CasOutcome, CoordinationError> {
    write.check_size()?;
    let transaction = transaction(store, &write);
    let attempt = || attempt(store.client.kv_client(), transaction.clone());
    match (call::once(store.request_timeout, attempt).await?, &write.op) {
        (Some(answer), _) => outcome(store, &write, &answer),
        (None, WriteOp::Put { lease: Some(lease), .. }) => {
            Err(CoordinationError::LeaseGone(*lease))
        }
        (None, _) => {
            Err(CoordinationError::Broken("a lease is missing, yet none was named".into()))
        }
    }
}

/// `None` when the lease is missing: an outcome rather than an error, since it is certain.
async fn attempt(mut client: KvClient, transaction: Txn) -> Result<Option<TxnResponse>, Error> {
    match client.txn(transaction).await {
        Err(error) if call::is_lease_not_found(&error) => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn transaction(store: &EtcdStore, write: &Write) -> Txn {
    let key = store.key(&write.key);
    let guard_key = write.guard.as_ref().map(|guard| store.key(&guard.key));
    let mut compares = Vec::new();
    if let (Some(guard), Some(guard_key)) = (&write.guard, &guard_key) {
        let created = signed(guard.created);
        compares.push(Compare::create_revision(guard_key.clone(), CompareOp::Equal, created));
    }
    match write.expect {
        Expect::Any => {}
        Expect::Absent => {
            compares.push(Compare::create_revision(key.clone(), CompareOp::Equal, 0));
        }
        Expect::At(at) => {
            compares.push(Compare::mod_revision(key.clone(), CompareOp::Equal, signed(at)));
        }
    }
    let look = [Some(key.clone()), guard_key].into_iter().flatten();
    let look: Vec<_> = look.map(|key| TxnOp::get(key, None)).collect();
    Txn::new().when(compares).and_then([operation(key, &write.op)]).or_else(look)
}

fn operation(key: String, op: &WriteOp) -> TxnOp {
    match op {
        WriteOp::Put { value, lease } => {
            let lease = lease.map_or(0, |LeaseId(id)| id);
            TxnOp::put(key, value.as_ref(), Some(PutOptions::new().with_lease(lease)))
        }
        WriteOp::Delete => TxnOp::delete(key, None),
    }
}

fn outcome(
    store: &EtcdStore,
    write: &Write,
    answer: &TxnResponse,
) -> Result<CasOutcome, CoordinationError> {
    if answer.succeeded() {
        let header = answer.header().ok_or_else(|| Error::Internal("no header".to_owned()));
        return Ok(CasOutcome::Done(read::revision(header.map_err(call::into_error)?.revision())));
    }
    let mut found = found(store, answer)?.into_iter();
    let standing = found.next().flatten();
    if let Some(guard) = &write.guard {
        let held = found.next().flatten().is_some_and(|entry| entry.created == guard.created);
        if !held {
            return Err(CoordinationError::GuardLost { key: guard.key.clone() });
        }
    }
    Ok(CasOutcome::Conflict(standing))
}

/// What stands at the key, then at the guard.
fn found(store: &EtcdStore, answer: &TxnResponse) -> Result<Vec<Option<Entry>>, CoordinationError> {
    let reads = answer.op_responses().into_iter().filter_map(|response| match response {
        TxnOpResponse::Get(get) => Some(get),
        _ => None,
    });
    let first = |get: etcd_client::GetResponse| {
        get.kvs().first().map(|kv| read::entry(&store.namespace, kv)).transpose()
    };
    reads.map(first).collect()
}

/// A revision that etcd cannot have names no key either.
fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}
