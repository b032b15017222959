//! A back end that fails on purpose, for tests of this crate and of those above it. [`FaultStore`]
//! counts every call, fails those that a [`Rule`] or chance picks, and yields around each one, so
//! that a test may drop or reorder callers at any step.

mod script;
mod upload;

pub use script::{Chaos, Counts, Fault, Op, Rule};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, path::Path,
};
use parking_lot::Mutex;
use script::{Late, State};
use std::{fmt, io, sync::Arc};

/// The decorator. Clones share their script and their counts.
#[derive(Debug, Clone)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    state: Arc<Mutex<State>>,
}

impl FaultStore {
    /// Passes everything on until told otherwise.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// Adds a rule. The first that fits a call decides.
    pub fn inject(&self, rule: Rule) {
        self.state.lock().rules.push(rule);
    }

    /// Fails calls by chance, or none from now on.
    pub fn chaos(&self, chaos: Option<Chaos>) {
        self.state.lock().chaos = chaos;
    }

    /// Forgets rules and chance, and brings a dead store back. Late writes still arrive.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.rules.clear();
        state.chaos = None;
        state.dead = false;
    }

    /// True after a fault that kills.
    pub fn is_dead(&self) -> bool {
        self.state.lock().dead
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        self.state.lock().counts.clone()
    }

    /// Lets every late write arrive now.
    pub async fn deliver(&self) {
        let late = std::mem::take(&mut self.state.lock().late);
        for write in late {
            self.arrive(write).await;
        }
    }

    /// Counts a call, lets due writes arrive, and says how this one fails.
    async fn enter(&self, op: Op, path: &Path) -> Result<Option<Fault>> {
        step().await;
        let due = self.state.lock().take_due();
        for write in due {
            self.arrive(write).await;
        }
        let fault = self.state.lock().enter(op, path.as_ref());
        match fault {
            Some(Fault::TimeoutBefore) => Err(timed_out()),
            Some(Fault::Unavailable | Fault::DieBefore) => Err(unavailable()),
            Some(Fault::Full) => Err(generic(io::ErrorKind::StorageFull.into())),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(None)
            }
            fault => Ok(fault),
        }
    }

    async fn arrive(&self, write: Late) {
        // Nobody waits for its answer.
        let _ = self.inner.put_opts(&write.path, write.payload, write.mode.into()).await;
    }

    async fn put(
        &self,
        path: &Path,
        payload: PutPayload,
        opts: PutOptions,
        fault: Option<Fault>,
    ) -> Result<PutResult> {
        match fault {
            Some(Fault::RefusedBefore) => Err(exists(path)),
            Some(Fault::Late(calls)) => {
                let write = Late { path: path.clone(), payload, mode: opts.mode, calls };
                self.state.lock().late.push(write);
                Err(timed_out())
            }
            Some(Fault::ConditionIgnored) => self.inner.put(path, payload).await,
            Some(Fault::ConditionRaces) => {
                let there = self.inner.head(path).await.is_ok();
                step().await;
                if there { Err(exists(path)) } else { self.inner.put(path, payload).await }
            }
            _ => self.inner.put_opts(path, payload, opts).await,
        }
    }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let op = if opts.mode == PutMode::Create { Op::Create } else { Op::Replace };
        let fault = self.enter(op, path).await?;
        let num_bytes = payload.content_length() as u64;
        let result = self.put(path, payload, opts, fault).await;
        step().await;
        let result = after(fault, path, result);
        self.state.lock().counts.bytes_in += if result.is_ok() { num_bytes } else { 0 };
        result
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let fault = self.enter(Op::StartUpload, path).await?;
        let upload = self.inner.put_multipart_opts(path, opts).await;
        let upload = after(fault, path, upload)?;
        Ok(Box::new(upload::FaultUpload::new(upload, self.clone(), path.clone())))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let op = if options.head { Op::Head } else { Op::Get };
        let fault = self.enter(op, path).await?;
        let result = self.inner.get_opts(path, options).await;
        step().await;
        let result = after(fault, path, result)?;
        if op == Op::Head {
            return Ok(result);
        }
        self.state.lock().counts.bytes_out += result.meta.size;
        spoil(fault, result).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |path: Path| {
            let store = store.clone();
            async move {
                let fault = store.enter(Op::Delete, &path).await?;
                let result = store.inner.delete(&path).await;
                step().await;
                after(fault, &path, result).map(|()| path)
            }
        };
        paths.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_faulty(prefix.cloned(), None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_faulty(prefix.cloned(), Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let fault = self.enter(Op::List, prefix.unwrap_or(&Path::default())).await?;
        let result = self.inner.list_with_delimiter(prefix).await;
        after(fault, prefix.unwrap_or(&Path::default()), result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let fault = self.enter(Op::Replace, to).await?;
        let result = self.inner.copy_opts(from, to, options).await;
        after(fault, to, result)
    }
}

impl FaultStore {
    fn list_faulty(
        &self,
        prefix: Option<Path>,
        offset: Option<Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let list = async move {
            let place = prefix.clone().unwrap_or_default();
            let fault = store.enter(Op::List, &place).await?;
            let found = match offset {
                Some(offset) => store.inner.list_with_offset(prefix.as_ref(), &offset),
                None => store.inner.list(prefix.as_ref()),
            };
            let found = found.try_collect::<Vec<_>>().await;
            step().await;
            let found = after(fault, &place, found)?;
            Ok::<_, Error>(stream::iter(found.into_iter().map(Ok)))
        };
        list.into_stream().try_flatten().boxed()
    }
}

/// Turns what happened into what the caller is told.
fn after<T>(fault: Option<Fault>, path: &Path, result: Result<T>) -> Result<T> {
    match fault {
        Some(Fault::TimeoutAfter) => Err(timed_out()),
        Some(Fault::DieAfter) => Err(unavailable()),
        Some(Fault::RefusedAfter) => Err(exists(path)),
        _ => result,
    }
}

async fn spoil(fault: Option<Fault>, result: GetResult) -> Result<GetResult> {
    let GetResult { meta, range, attributes, extensions, .. } = &result;
    let (meta, range) = (meta.clone(), range.clone());
    let (attributes, extensions) = (attributes.clone(), extensions.clone());
    let bytes = match fault {
        Some(Fault::Truncated) => {
            let bytes = result.bytes().await?;
            bytes.slice(..bytes.len() / 2)
        }
        Some(Fault::FlippedBit) => flip(&result.bytes().await?),
        _ => return Ok(result),
    };
    let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
    Ok(GetResult { payload, meta, range, attributes, extensions })
}

/// One bit in the middle is the other way round.
fn flip(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x10;
    }
    bytes.into()
}

/// Gives others a turn, once, on any executor.
async fn step() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn timed_out() -> Error {
    generic(io::Error::new(io::ErrorKind::TimedOut, "injected: the request timed out"))
}

fn unavailable() -> Error {
    generic(io::Error::other("injected: 503 Service Unavailable"))
}

fn exists(path: &Path) -> Error {
    let source = "injected: 412 Precondition Failed".into();
    Error::AlreadyExists { path: path.to_string(), source }
}

fn generic(source: io::Error) -> Error {
    Error::Generic { store: "FaultStore", source: source.into() }
}
