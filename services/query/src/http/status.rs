//! `/api/v1/status` and the replay of quarantined changes.

use super::{
    HttpState,
    error::HttpFault,
    repos::admin_of,
    shards::{number_of, shard_of},
};
use crate::status::StatusBody;
use ax_model::Offset;
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
    let shard = shard_of(&path)?;
    let offset = Offset(number_of(&path, "offset")?);
    let version = admin_of(&state)?.replay(shard, offset).await?;
    Ok(Json(ReplayedBody { version: version.to_string() }))
}
