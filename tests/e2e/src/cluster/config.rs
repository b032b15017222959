//! The configuration files of a cluster.

use super::{BUCKET, Settings, TOPIC};
use anyhow::bail;
use ax_harness::{Etcd, Kafka, Process, S3, Spec};
use std::{fmt::Write as _, path::Path, time::Duration};

const INSTALL_WITHIN: Duration = Duration::from_secs(300);

/// What every role reads; what differs per process comes by variables.
pub(super) fn roles(settings: &Settings, etcd: &Etcd, kafka: &Kafka, s3: &S3) -> String {
    format!(
        r#"
[cluster]
shards = {shards}
lease_ttl_ms = {lease_ttl_ms}

[changes]
backend = "kafka"
bootstrap = "{bootstrap}"
topic = "{TOPIC}"

[coordination]
backend = "etcd"
endpoints = ["{etcd}"]

[store]
url = "s3://{BUCKET}"
endpoint = "{s3}"
region = "{region}"
access_key = "{access_key}"
secret_key = "{secret_key}"
keep_seconds = {keep_seconds}

[ingest]
poll_local_ms = 100
concurrency = 4

[coordinator]
collect_seconds = 2

[telemetry]
log_format = "text"
log_filter = "info,ax_indexer=debug,ax_ingest=debug"
"#,
        shards = settings.shards,
        lease_ttl_ms = settings.lease_ttl.as_millis(),
        keep_seconds = settings.keep.as_secs(),
        bootstrap = kafka.bootstrap(),
        etcd = etcd.endpoint(),
        s3 = s3.endpoint(),
        region = s3.region(),
        access_key = s3.access_key(),
        secret_key = s3.secret_key(),
    )
}

/// The same balancing as `tests/cluster/cluster.sh`: a node that refuses a connection is out at once,
/// and a request that got no answer from it is asked again at another.
pub(super) fn haproxy(port: u16, servers: &[(&str, u16)]) -> String {
    let mut text = format!(
        "global
  maxconn 2000
defaults
  mode http
  timeout connect 500ms
  timeout client 60s
  timeout server 60s
  timeout check 2s
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 502 503
listen automatosx
  bind 127.0.0.1:{port}
  balance leastconn
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
"
    );
    for (name, port) in servers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  server {name} 127.0.0.1:{port}");
    }
    text
}

/// Installs the balancer, unless it is there.
pub(super) async fn install_haproxy() -> anyhow::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../servers/install.sh");
    let mut installer = Process::spawn(Spec::new("install.sh haproxy", script).arg("haproxy"))?;
    let status = installer.wait_exit(INSTALL_WITHIN).await?;
    if !status.success() {
        bail!("installing haproxy ended with {status}; {}", installer.log_tail());
    }
    Ok(())
}
