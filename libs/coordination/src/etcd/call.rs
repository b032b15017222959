//! One call to etcd: bounded in time, repeated only where that is safe, its errors translated.

use crate::CoordinationError;
use etcd_client::Error;
use std::{error::Error as _, time::Duration};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::Code;

/// First pause between two attempts; each further one is twice as long, up to [`MAX_PAUSE`]. Short,
/// since a dead endpoint refuses at once, and the next attempt may well go to another.
const MIN_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// A pause that doubles.
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(MIN_PAUSE)
    }

    pub(super) async fn pause(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(MAX_PAUSE);
    }
}

/// Bounds any call.
pub(super) async fn bounded<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, CoordinationError>>,
) -> Result<T, CoordinationError> {
    let timed_out = || CoordinationError::Unavailable(format!("no answer within {limit:?}"));
    timeout(limit, call).await.map_err(|_| timed_out())?
}

/// A call that may be repeated as often as need be. The error is etcd's own, so that the caller can
/// tell a missing lease from the rest.
pub(super) async fn idempotent<T, F>(limit: Duration, call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    repeat(limit, call, is_transient).await
}

/// A call with an effect: repeated only when it cannot have reached etcd.
pub(super) async fn once<T, F>(
    limit: Duration,
    call: impl FnMut() -> F,
) -> Result<T, CoordinationError>
where
    F: Future<Output = Result<T, Error>>,
{
    repeat(limit, call, is_unsent).await.map_err(into_error)
}

async fn repeat<T, F>(
    limit: Duration,
    mut call: impl FnMut() -> F,
    again: impl Fn(&Error) -> bool,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let deadline = Instant::now() + limit;
    let mut backoff = Backoff::new();
    loop {
        let outcome = timeout_at(deadline, call()).await;
        let error = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => return Err(timed_out(limit)),
        };
        if !again(&error) || timeout_at(deadline, backoff.pause()).await.is_err() {
            return Err(error);
        }
    }
}

fn timed_out(limit: Duration) -> Error {
    metrics::counter!("ax_coordination_etcd_timeouts_total").increment(1);
    Error::GRpcStatus(tonic::Status::deadline_exceeded(format!("no answer within {limit:?}")))
}

/// The connection could not be made, so nothing was sent.
fn is_unsent(error: &Error) -> bool {
    let Error::GRpcStatus(status) = error else { return false };
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn is_transient(error: &Error) -> bool {
    match error {
        Error::GRpcStatus(status) => is_transient_code(status.code()),
        Error::TransportError(_) | Error::WatchError(_) | Error::IoError(_) => true,
        _ => false,
    }
}

/// `Unknown` is among them because that is what a connection that breaks in the middle gives.
fn is_transient_code(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Aborted)
}

/// The store refuses us, or its data is broken: no repetition helps.
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::GRpcStatus(status) => matches!(
            status.code(),
            Code::InvalidArgument
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::Unimplemented
                | Code::DataLoss
        ),
        Error::InvalidArgs(_) | Error::InvalidUri(_) | Error::Utf8Error(_) => true,
        _ => false,
    }
}

/// etcd's errors that are not about the caller's own lease, key or revision.
pub(super) fn into_error(error: Error) -> CoordinationError {
    match is_final(&error) {
        true => CoordinationError::Broken(error.to_string()),
        false => CoordinationError::Unavailable(error.to_string()),
    }
}

pub(super) fn is_lease_not_found(error: &Error) -> bool {
    matches!(error, Error::GRpcStatus(status) if status.code() == Code::NotFound)
}

/// A read at a revision that is compacted by now.
pub(super) fn is_compacted(error: &Error) -> bool {
    is_out_of_range(error) && !is_oversized(error)
}

/// An answer over our own limit: the client library refuses it under the same code.
pub(super) fn is_oversized(error: &Error) -> bool {
    is_out_of_range(error)
        && matches!(error, Error::GRpcStatus(status) if status.message().contains("message length"))
}

fn is_out_of_range(error: &Error) -> bool {
    matches!(error, Error::GRpcStatus(status) if status.code() == Code::OutOfRange)
}
