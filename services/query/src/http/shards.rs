//! `/api/v1/shards`: what an operator asks of single shards.

use super::{HttpState, error::HttpFault, repos::admin_of};
use crate::admin::AskedRebuild;
use ax_model::{Code, Fault, ShardId};
use axum::{
    Json,
    extract::{RawPathParams, State, rejection::RawPathParamsRejection},
};
use http::StatusCode;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct RebuildsBody {
    /// The rebuilds asked for, by shard.
    shards: Vec<RebuildBody>,
}

#[derive(Debug, Serialize)]
struct RebuildBody {
    shard: u32,
    /// It is done once `/api/v1/status` says that the shard is `rebuilt` to this number.
    number: u64,
    /// It was asked for, or begun, before.
    already: bool,
    /// Positions that the stream spans for the shard; null when it cannot be asked.
    stream_positions: Option<u64>,
}

/// Asks for the rebuild of one shard.
pub(super) async fn rebuild_one(
    State(state): State<HttpState>,
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<(StatusCode, Json<RebuildsBody>), HttpFault> {
    let (shard, (_, shards)) = (shard_of(&path)?, state.root.shape());
    if shard.0 >= shards {
        let message = format!("there is no shard {shard}; the last one is {}", shards - 1);
        return Err(Fault::new(Code::BadRequest, message).in_field("shard").into());
    }
    let asked = admin_of(&state)?.rebuild(shard).await?;
    Ok(accepted(vec![asked]))
}

/// Asks for the rebuild of every shard. What was asked for before a failure stays asked for, and
/// asking again changes nothing of it.
pub(super) async fn rebuild_all(
    State(state): State<HttpState>,
) -> Result<(StatusCode, Json<RebuildsBody>), HttpFault> {
    let mut asked = Vec::new();
    for shard in (0..state.root.shape().1).map(ShardId) {
        asked.push(admin_of(&state)?.rebuild(shard).await?);
    }
    Ok(accepted(asked))
}

fn accepted(asked: Vec<AskedRebuild>) -> (StatusCode, Json<RebuildsBody>) {
    let shards = asked.into_iter().map(RebuildBody::from).collect();
    (StatusCode::ACCEPTED, Json(RebuildsBody { shards }))
}

impl From<AskedRebuild> for RebuildBody {
    fn from(asked: AskedRebuild) -> Self {
        Self {
            shard: asked.shard.0,
            number: asked.number.0,
            already: asked.already,
            stream_positions: asked.stream_positions,
        }
    }
}

/// The shard in the path.
pub(super) fn shard_of(
    path: &Result<RawPathParams, RawPathParamsRejection>,
) -> Result<ShardId, Fault> {
    let shard = number_of(path, "shard")?;
    u32::try_from(shard).map(ShardId).map_err(|_| not_a_number("shard"))
}

/// A number in the path.
pub(super) fn number_of(
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
