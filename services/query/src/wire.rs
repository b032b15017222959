//! Faults across gRPC: a status with a [`ax_proto::search::Fault`] in its details, both ways.

use ax_model::{Code, Fault};
use ax_proto::search as pb;
use prost::Message;
use tonic::{Code as Grpc, Status};

/// A fault as a gRPC status.
pub fn to_status(fault: &Fault) -> Status {
    let detail = pb::Fault {
        code: fault.code.as_str().to_owned(),
        message: fault.message.clone(),
        field: fault.field.clone(),
        span: fault.span.map(|(start, end)| pb::Span { start: to_u32(start), end: to_u32(end) }),
        hint: fault.hint.clone(),
    };
    let details = detail.encode_to_vec().into();
    Status::with_details(grpc_code(fault.code), fault.message.clone(), details)
}

/// The fault that a status carries; `None` when it comes from the transport or from a stranger.
pub fn from_status(status: &Status) -> Option<Fault> {
    if status.details().is_empty() {
        return None;
    }
    let detail = pb::Fault::decode(status.details()).ok()?;
    let code = *Code::ALL.iter().find(|code| code.as_str() == detail.code)?;
    Some(Fault {
        code,
        message: detail.message,
        field: detail.field,
        span: detail.span.map(|span| (span.start as usize, span.end as usize)),
        hint: detail.hint,
    })
}

/// Names what the gRPC library refuses by itself, before any of our code sees the call: a message over
/// the limit, or one that is no message.
pub fn name_refusal<B>(mut answer: http::Response<B>) -> http::Response<B> {
    let status = Status::from_header_map(answer.headers());
    let fault = status.filter(|status| status.details().is_empty()).and_then(|status| {
        let code = match status.code() {
            Grpc::OutOfRange => Code::TooLarge,
            Grpc::Internal if status.message().starts_with("failed to decode") => Code::BadRequest,
            _ => return None,
        };
        Some(Fault::new(code, status.message()))
    });
    if let Some(fault) = fault {
        // It fails for values that no header can hold, and then leaves the status as it was.
        let _ = to_status(&fault).add_header(answer.headers_mut());
    }
    answer
}

/// The gRPC code follows from the HTTP status, so that both are mapped once.
fn grpc_code(code: Code) -> Grpc {
    match code.http_status() {
        400 | 413 | 415 | 422 => Grpc::InvalidArgument,
        401 => Grpc::Unauthenticated,
        403 => Grpc::PermissionDenied,
        404 => Grpc::NotFound,
        405 => Grpc::Unimplemented,
        409 => Grpc::Aborted,
        502 | 503 => Grpc::Unavailable,
        504 => Grpc::DeadlineExceeded,
        507 => Grpc::ResourceExhausted,
        _ => Grpc::Internal,
    }
}

fn to_u32(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// What a leaf answered instead of an answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{fault}")]
pub struct LeafError {
    /// What is wrong.
    pub fault: Fault,
    /// The node itself could not be reached, or broke off: ask it last for a while.
    pub unreachable: bool,
}

impl LeafError {
    /// Another replica would say the same: the request itself is at fault, or its time is over.
    pub fn is_final(&self) -> bool {
        !self.unreachable && is_final(self.fault.code)
    }

    /// What a gRPC call to `node` failed with.
    pub fn of_status(status: &Status, node: &str) -> Self {
        if let Some(fault) = from_status(status) {
            return Self { fault, unreachable: false };
        }
        if status.code() == Grpc::OutOfRange {
            // The node is well, and any other would say as much.
            let message = format!("node {node}: its answer is too large: {}", status.message());
            let fault = Fault::new(Code::TooLarge, message).hint("ask for fewer files or lines");
            return Self { fault, unreachable: false };
        }
        let (code, unreachable) = match status.code() {
            Grpc::DeadlineExceeded => (Code::QueryDeadline, false),
            _ => (Code::ShardUnavailable, true),
        };
        let message = format!("node {node}: {}", status.message());
        Self { fault: Fault::new(code, message), unreachable }
    }
}

impl From<Fault> for LeafError {
    fn from(fault: Fault) -> Self {
        Self { fault, unreachable: false }
    }
}

/// True for faults of the request, which fail the whole answer rather than one shard of it.
pub fn is_of_request(code: Code) -> bool {
    matches!(code.http_status(), 400 | 404 | 413) || code == Code::WaitTimedOut
}

fn is_final(code: Code) -> bool {
    is_of_request(code) || code == Code::QueryDeadline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_survives_the_way() {
        for code in Code::ALL {
            let fault = Fault::new(*code, "détail").in_field("q").at(2, 5).hint("do that");
            assert_eq!(from_status(&to_status(&fault)), Some(fault));
        }
    }

    #[test]
    fn what_the_library_refuses_has_a_code_too() {
        for (status, code) in [
            (Status::out_of_range("decoded message length too large"), Some(Code::TooLarge)),
            (Status::internal("failed to decode Protobuf message"), Some(Code::BadRequest)),
            (Status::internal("something else"), None),
            (to_status(&Fault::new(Code::QueryTooLarge, "x")), Some(Code::QueryTooLarge)),
        ] {
            let answer = name_refusal(status.into_http::<()>());
            let named = Status::from_header_map(answer.headers()).and_then(|s| from_status(&s));
            assert_eq!(named.map(|fault| fault.code), code);
        }
    }

    #[test]
    fn a_strangers_status_is_no_fault() {
        assert_eq!(from_status(&Status::unavailable("gone")), None);
        let garbage = Status::with_details(Grpc::Internal, "x", vec![0xff, 0xff].into());
        assert_eq!(from_status(&garbage), None);
        let error = LeafError::of_status(&Status::unavailable("gone"), "b");
        assert!(error.unreachable && !error.is_final());
        assert_eq!(error.fault.code, Code::ShardUnavailable);
        let too_large = LeafError::of_status(&Status::out_of_range("message of 200 MB"), "b");
        assert!(too_large.is_final() && !too_large.unreachable, "every replica would say so");
    }
}
