#!/usr/bin/env bash
# Runs one etcd in the foreground on loopback; killing this process kills the server itself.
#
#   etcd.sh --data DIR --port CLIENT_PORT --peer-port PORT [--name NAME] [--cluster NAME=URL,...]
#
# Tuned for tests: an election after 500 ms, hence a restart that answers within a second and leases
# as short as 1 s. Writes reach the disk as in production: a test that kills it must mean something.
set -euo pipefail
source "$(dirname "$0")/common.sh"

data='' port='' peer_port='' name=one cluster=''
read_flags 'data port peer-port name cluster' "$@"
[ -n "$data" ] && [ -n "$port" ] && [ -n "$peer_port" ] || die 'needs --data, --port and --peer-port'
PATH=$PATH:/usr/sbin:/sbin
ensure etcd etcd

client=http://127.0.0.1:$port
peer=http://127.0.0.1:$peer_port
# etcd 3.4 refuses to start on 64-bit ARM unless it is told that we know.
[ "$(uname -m)" = aarch64 ] && export ETCD_UNSUPPORTED_ARCH=arm64

mkdir -p -m 700 "$data"
exec etcd \
  --name "$name" --data-dir "$data" \
  --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
  --initial-cluster "${cluster:-$name=$peer}" --initial-cluster-token automatosx-tests \
  --heartbeat-interval 50 --election-timeout 500 \
  --logger zap --log-outputs stderr
