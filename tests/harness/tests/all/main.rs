//! The harness against the real servers: started, written to, killed, started again, still there.

#![allow(clippy::unwrap_used)] // helpers of tests are not seen as tests

mod etcd;
mod kafka;
mod process;
mod proxy;
mod race;
mod s3;

use std::time::Duration;

/// For whatever must happen soon, on a machine that compiles beside it.
const SOON: Duration = Duration::from_secs(30);
