//! Around every whole answer: its bytes are counted until the client has taken them.

use super::error::HttpFault;
use crate::answers::{Answers, Hold, Reader};
use ax_model::Fault;
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use http::{HeaderValue, header};
use std::{convert::Infallible, sync::Arc};

/// Bodies up to this size are not counted: the connection's own buffers take them at once.
const SMALL: u64 = 16 << 10;
/// Bytes handed to the connection at a time; asking for more shows that the client reads.
const PIECE: usize = 64 << 10;

/// Counts the body of the answer, if it is whole. Streams count their own events.
pub(super) async fn around(
    State(answers): State<Arc<Answers>>,
    request: Request,
    next: Next,
) -> Response {
    let reader = request.extensions().get::<Reader>().cloned().unwrap_or_default();
    let response = next.run(request).await;
    match response.body().size_hint().exact() {
        Some(size) if size > SMALL => held(&answers, reader, response)
            .await
            .unwrap_or_else(|fault| HttpFault(fault).into_response()),
        _ => response,
    }
}

async fn held(answers: &Arc<Answers>, reader: Reader, whole: Response) -> Result<Response, Fault> {
    let (mut parts, body) = whole.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default(); // it is whole: cannot fail
    let hold = Arc::new(answers.hold());
    hold.grow(bytes.len())?;
    hold.reading(reader.cut);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let moving = hold.clone();
    let rest = Bytes::from_owner(Held { bytes, _hold: hold });
    let pieces = stream::iter(pieces(rest)).map(move |piece| {
        moving.taken(0); // the memory is one piece, free only when all of it is
        Ok::<_, Infallible>(piece)
    });
    Ok(Response::from_parts(parts, Body::from_stream(pieces)))
}

/// The parts of `rest`, which share its memory.
fn pieces(mut rest: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE))))
}

/// Bytes that give their room back when the last piece of them is gone.
struct Held {
    bytes: Bytes,
    _hold: Arc<Hold>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
