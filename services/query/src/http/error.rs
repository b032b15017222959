//! Faults as HTTP answers.

use ax_model::{Code, Fault};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The JSON of a fault. Every field is always there.
#[derive(Debug, Clone, Serialize)]
pub struct FaultBody {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Parameter concerned; empty when there is none.
    pub field: String,
    /// `[start, end)` in bytes of the field's text.
    pub span: Option<(usize, usize)>,
    /// What to do about it.
    pub hint: String,
    /// Where the catalogue explains the code.
    pub doc: String,
}

impl From<&Fault> for FaultBody {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.as_str(),
            message: fault.message.clone(),
            field: fault.field.clone(),
            span: fault.span,
            hint: fault.hint.clone(),
            doc: format!("docs/errors.md#{}", fault.code.as_str().to_lowercase()),
        }
    }
}

/// A fault on its way out as HTTP.
#[derive(Debug, Clone)]
pub struct HttpFault(pub Fault);

impl From<Fault> for HttpFault {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for HttpFault {
    fn into_response(self) -> Response {
        let Self(fault) = self;
        let mut response = (status_of(fault.code), Json(FaultBody::from(&fault))).into_response();
        if let Some(pause) = retry_after(fault.code) {
            response.headers_mut().insert(header::RETRY_AFTER, pause);
        }
        response.extensions_mut().insert(fault.code); // for the metrics
        response
    }
}

/// How long to wait before the same is asked again, where that helps.
pub(crate) fn retry_after(code: Code) -> Option<HeaderValue> {
    matches!(code, Code::Overloaded | Code::NotReady).then(|| HeaderValue::from_static("1"))
}

/// The status of a code.
pub fn status_of(code: Code) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_its_own_kind() {
        for code in Code::ALL {
            assert_eq!(status_of(*code).as_u16(), code.http_status());
            assert!(status_of(*code).is_client_error() || status_of(*code).is_server_error());
        }
    }
}
