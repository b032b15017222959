//! Each role as a process: parts from the configuration, then the library's service until shutdown.

pub mod admin;
pub mod coordinator;
pub mod folder;
pub mod heap;
pub mod indexer;
pub mod ingest;
pub mod ops;
pub mod parts;
pub mod profile;
pub mod query;
pub mod shutdown;

use crate::config::{Config, address};
use ax_cluster::{Member, Role};
use ax_model::Fault;

/// Looks up the addresses that a role listens on, and tries the folder that it writes to, so that what is
/// wrong with them is said before anything is opened.
pub fn settle(mut config: Config, role: &str) -> Result<Config, Fault> {
    let (ingest, indexer) = (&mut config.ingest.listen, &mut config.indexer.listen);
    let (coordinator, query) = (&mut config.coordinator.listen, &mut config.query.listen);
    let listeners = match role {
        "ingest" => vec![("ingest.listen", ingest)],
        "indexer" => vec![("indexer.listen", indexer)],
        "coordinator" => vec![("coordinator.listen", coordinator)],
        "query" => {
            vec![("query.listen", query), ("query.grpc_listen", &mut config.query.grpc_listen)]
        }
        _ => vec![("query.listen", query), ("ingest.listen", ingest)],
    };
    for (key, text) in listeners {
        *text = address::resolve(key, text)?.to_string();
    }
    if role != "coordinator" || config.coordination.backend == "embedded" {
        folder::usable(&config.cluster.data)?;
    }
    Ok(config)
}

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
