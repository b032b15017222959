//! `/api/v1/status` and the replay of quarantined changes.

use super::{HttpState, error::HttpFault, repos::admin_of};
use crate::status::StatusBody;
use ax_model::{Code, Fault, Offset, ShardId};
use axum::{
    Json,
    extract::{RawPathParams, State, rejection::RawPathParamsRejection},
};
use serde::Serialize;

/// The cluster as this node sees it.
pub(super) async fn status(State(state): State<HttpState>) -> Json<StatusBody> {
    Json(state.status.report().await)
}

#[derive(Debug, Serialize)]
pub(super) struct ReplayedBody {
    /// Token to wait for: the replayed change is applied there.
    version: String,
}

/// Appends a quarantined change again.
pub(super) async fn replay(
    State(state): State<HttpState>,
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Json<ReplayedBody>, HttpFault> {
    let shard = number_of(&path, "shard")?;
    let shard = u32::try_from(shard).map(ShardId).map_err(|_| not_a_number("shard"))?;
    let offset = Offset(number_of(&path, "offset")?);
    let version = admin_of(&state)?.replay(shard, offset).await?;
    Ok(Json(ReplayedBody { version: version.to_string() }))
}

fn number_of(
    path: &Result<RawPathParams, RawPathParamsRejection>,
    name: &str,
) -> Result<u64, Fault> {
    let params = path.as_ref().map_err(|_| not_a_number(name))?;
    let text = params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    text.parse().map_err(|_| not_a_number(name))
}

fn not_a_number(field: &str) -> Fault {
    Fault::new(Code::BadRequest, format!("`{field}` is not a number")).in_field(field)
}
