//! Requests to the API, with errors that a person can act on.

use super::out::visible;
use ax_model::Code;
use serde_json::Value;
use std::time::Duration;

/// Longest address that servers and libraries take, ours among them.
const MAX_URL_BYTES: usize = 65_534;

/// Why a request failed, ready to be shown.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No connection, or it broke.
    #[error(
        "cannot reach {server}: {reason}\nIs the server running? Start one with `ax serve --repo .`, or name another with --server."
    )]
    Unreachable {
        /// The server asked.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// Connected, and then nothing: it is stopped, or starved.
    #[error(
        "{server} has not answered for {} s\nIs its process stopped, or its machine overloaded?",
        patience.as_secs()
    )]
    Silent {
        /// The server asked.
        server: String,
        /// How long nothing came.
        patience: Duration,
    },
    /// It will not come about; what was tried stays to be tried again.
    #[error("{0}")]
    GivenUp(String),
    /// The server refused, with a typed fault.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer is not what this version expects.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(String),
}

/// A fault as the API gives it.
#[derive(Debug, serde::Deserialize)]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Byte span in the field.
    #[serde(default)]
    pub span: Option<(usize, usize)>,
    /// What to do.
    #[serde(default)]
    pub hint: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, visible(&self.message))?;
        if !self.hint.is_empty() {
            write!(f, "\n{}", visible(&self.hint))?;
        }
        Ok(())
    }
}

/// Longest silence of a server. A query's deadline is at most 300 s, but its stream, which the client
/// reads, says every 15 s that it is alive, and what else is asked takes 10 s at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of one server.
pub struct Api {
    base: String,
    http: reqwest::Client,
    patience: Duration,
}

impl Api {
    /// A client of the server at `base`.
    pub fn new(base: &str) -> Result<Self, ApiError> {
        Self::with_patience(base, PATIENCE)
    }

    /// A client that bears a longer silence.
    pub fn patient(base: &str, patience: Duration) -> Result<Self, ApiError> {
        Self::with_patience(base, patience)
    }

    fn with_patience(base: &str, patience: Duration) -> Result<Self, ApiError> {
        let base = base.trim_end_matches('/').to_owned();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(patience)
            .build()
            .map_err(|error| ApiError::Unreadable(error.to_string()))?;
        Ok(Self { base, http, patience })
    }

    /// `GET` with query parameters, as JSON.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ApiError> {
        self.json(self.http.get(self.url(path, query)?)).await
    }

    /// `POST` of a JSON body, as JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.json(self.http.post(self.url(path, &[])?).json(body)).await
    }

    /// `DELETE`, as JSON.
    pub async fn delete(&self, path: &str) -> Result<Value, ApiError> {
        self.json(self.http.delete(self.url(path, &[])?)).await
    }

    /// `GET` of a stream.
    pub async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<reqwest::Response, ApiError> {
        self.send(self.http.get(self.url(path, query)?)).await
    }

    /// The address of a page; one that no server would take is refused here, by its true name.
    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<String, ApiError> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{}", self.base, pairs.join("&"));
        if url.len() > MAX_URL_BYTES {
            return Err(too_large(format!(
                "the request's address has {} bytes; the most is {MAX_URL_BYTES}",
                url.len()
            )));
        }
        Ok(url)
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> Result<Value, ApiError> {
        let body = self.send(request).await?.bytes().await.map_err(|error| self.broken(&error))?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| ApiError::Unreadable(error.to_string()))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, ApiError> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        Err(match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => ApiError::Refused(Box::new(refusal)),
            // The listener itself refuses these, without a body.
            Err(_) if [413, 414, 431].contains(&status.as_u16()) => {
                too_large(format!("the server answered {status}"))
            }
            Err(_) => ApiError::Refused(Box::new(Refusal {
                code: Code::Internal.to_string(),
                message: format!("the server answered {status}"),
                span: None,
                hint: String::new(),
            })),
        })
    }

    /// What a broken connection, or one on which nothing comes, is called.
    pub fn broken(&self, error: &reqwest::Error) -> ApiError {
        if error.is_timeout() && !error.is_connect() {
            return ApiError::Silent { server: self.base.clone(), patience: self.patience };
        }
        let mut reason: &dyn std::error::Error = error;
        while let Some(cause) = reason.source() {
            reason = cause; // the innermost says what happened; the outer ones repeat the URL
        }
        ApiError::Unreachable { server: self.base.clone(), reason: reason.to_string() }
    }
}

fn too_large(message: String) -> ApiError {
    ApiError::Refused(Box::new(Refusal {
        code: Code::TooLarge.to_string(),
        message,
        span: None,
        hint: "shorten the query, or split it into several".to_owned(),
    }))
}

/// A name as one segment of a URL's path.
pub fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_too_long_is_no_missing_server() {
        let api = Api::new("http://127.0.0.1:7080").unwrap();
        let url = |num_bytes: usize| api.url("/api/v1/search", &[("q", "x".repeat(num_bytes))]);
        assert!(url(60_000).is_ok());
        let error = url(10 << 20).unwrap_err().to_string();
        assert!(error.starts_with("AX-A006: ") && error.contains("shorten"), "{error}");
    }

    /// A stopped process: the kernel takes the connection, and nobody ever answers.
    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let api = Api::with_patience(&base, Duration::from_millis(50)).unwrap();
        let error = api.get("/api/v1/status", &[]).await.unwrap_err();
        assert!(matches!(error, ApiError::Silent { .. }), "{error}");
        let error = api.stream("/api/v1/search/stream", &[]).await.unwrap_err();
        assert!(error.to_string().contains("has not answered"), "{error}");
    }
}
