//! An upload in parts that fails on purpose.

use super::{FaultStore, Op, after};
use async_trait::async_trait;
use futures::FutureExt;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart, path::Path};

#[derive(Debug)]
pub(super) struct FaultUpload {
    inner: Box<dyn MultipartUpload>,
    store: FaultStore,
    path: Path,
}

impl FaultUpload {
    pub(super) fn new(inner: Box<dyn MultipartUpload>, store: FaultStore, path: Path) -> Self {
        Self { inner, store, path }
    }
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let num_bytes = data.content_length() as u64;
        let part = self.inner.put_part(data);
        let (store, path) = (self.store.clone(), self.path.clone());
        async move {
            let fault = store.enter(Op::Part, &path).await?;
            let result = after(fault, &path, part.await);
            store.state.lock().counts.bytes_in += if result.is_ok() { num_bytes } else { 0 };
            result
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let fault = self.store.enter(Op::EndUpload, &self.path).await?;
        let result = self.inner.complete().await;
        after(fault, &self.path, result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
