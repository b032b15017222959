//! Each role as a process: parts from the configuration, then the library's service until shutdown.

pub mod admin;
pub mod coordinator;
pub mod indexer;
pub mod ingest;
pub mod ops;
pub mod parts;
pub mod query;
pub mod shutdown;

use crate::config::Config;
use ax_cluster::{Member, Role};

/// The name under which a process is a member: its node's name and something unique to this run, so
/// that a process that comes back is not taken for the one that died.
pub fn member_id(config: &Config, role: &str) -> String {
    let run = uuid::Uuid::new_v4().simple().to_string();
    let node = if config.cluster.node.is_empty() { role } else { &config.cluster.node };
    format!("{node}-{}", &run[..8])
}

/// What the others see of this process.
pub fn member(config: &Config, role: Role, name: &str, http: String) -> Member {
    Member {
        id: member_id(config, name),
        role: role.into(),
        grpc: String::new(),
        http,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: now_ms(),
        weight: 1,
        draining: false,
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
