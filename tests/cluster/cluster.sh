#!/usr/bin/env bash
# A whole cluster on this machine, each part a real process: etcd, Kafka, an S3 store, a coordinator,
# two indexers, two query nodes, ingest, and HAProxy in front.
#
#   cluster.sh up | down | status
#   cluster.sh kill NAME | stop NAME | start NAME | pause NAME | resume NAME
#
# Everything lives in one folder, ${AX_CLUSTER:-.cluster}: a log and a pid per process, data, configs.
# Ports follow ${AX_CLUSTER_PORT:-7080}: the front is that port itself, the others come after 10000 more.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
servers=$root/tests/servers
home=${AX_CLUSTER:-$root/.cluster}
front=${AX_CLUSTER_PORT:-7080}
base=$((front + 10000))
ax=${AX_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/ax}
names=(etcd kafka s3 coordinator indexer-1 indexer-2 query-1 query-2 ingest haproxy)
key=automatosx secret=automatosx-secret

say() { printf '%s\n' "$*" >&2; }
die() { say "cluster: $*"; exit 1; }
pid_of() { cat "$home/pids/$1" 2>/dev/null || true; }
alive() { local pid; pid=$(pid_of "$1"); [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }

port_of() {
  case $1 in
    etcd) echo $((base + 1)) ;; etcd-peer) echo $((base + 2)) ;;
    kafka) echo $((base + 3)) ;; kafka-controller) echo $((base + 4)) ;;
    s3) echo $((base + 5)) ;; coordinator) echo $((base + 6)) ;;
    indexer-1) echo $((base + 7)) ;; indexer-2) echo $((base + 8)) ;;
    query-1) echo $((base + 9)) ;; query-1-grpc) echo $((base + 10)) ;;
    query-2) echo $((base + 11)) ;; query-2-grpc) echo $((base + 12)) ;;
    ingest) echo $((base + 13)) ;; haproxy) echo "$front" ;;
  esac
}

# One configuration for every role; what differs per process comes by AX_ variables.
write_config() {
  cat >"$home/ax.toml" <<TOML
[cluster]
shards = ${AX_SHARDS:-4}
lease_ttl_ms = 2000

[changes]
backend = "kafka"
bootstrap = "127.0.0.1:$(port_of kafka)"

[coordination]
backend = "etcd"
endpoints = ["http://127.0.0.1:$(port_of etcd)"]

[store]
url = "s3://automatosx"
endpoint = "http://127.0.0.1:$(port_of s3)"
access_key = "$key"
secret_key = "$secret"
TOML
  cat >"$home/haproxy.cfg" <<CFG
global
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
  bind 127.0.0.1:$front
  balance leastconn
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
  server query-1 127.0.0.1:$(port_of query-1)
  server query-2 127.0.0.1:$(port_of query-2)
CFG
}

# `launch NAME COMMAND...` runs it in the background, in a session of its own, with one log per name.
launch() {
  local name=$1; shift
  alive "$name" && return 0
  setsid "$@" >>"$home/logs/$name.log" 2>&1 </dev/null &
  echo $! >"$home/pids/$name"
}

role() {
  local name=$1 role=${1%%-*}; shift
  launch "$name" env AX_CLUSTER__NODE="$name" AX_CLUSTER__DATA="$home/data/$name" \
    "$@" "$ax" "$role" --config "$home/ax.toml"
}

start() {
  local address=127.0.0.1:$(port_of "$1")
  case $1 in
    etcd) launch etcd "$servers/etcd.sh" --data "$home/data/etcd" --port "$(port_of etcd)" --peer-port "$(port_of etcd-peer)" ;;
    kafka) launch kafka "$servers/kafka.sh" --data "$home/data/kafka" --port "$(port_of kafka)" --controller-port "$(port_of kafka-controller)" ;;
    s3) mkdir -p "$home/data/s3/buckets/automatosx"
      launch s3 "$servers/s3.sh" --data "$home/data/s3" --port "$(port_of s3)" --access-key "$key" --secret-key "$secret" ;;
    coordinator) role coordinator AX_COORDINATOR__LISTEN="$address" ;;
    indexer-*) role "$1" AX_INDEXER__LISTEN="$address" ;;
    query-*) role "$1" AX_QUERY__LISTEN="$address" AX_QUERY__GRPC_LISTEN="127.0.0.1:$(port_of "$1-grpc")" ;;
    ingest) role ingest AX_INGEST__LISTEN="$address" ;;
    haproxy) launch haproxy haproxy -db -f "$home/haproxy.cfg" ;;
    *) die "no process is called $1; they are: ${names[*]}" ;;
  esac
}

# `await NAME WHAT COMMAND...` until the command succeeds, with a deadline.
await() {
  local name=$1 what=$2 deadline=$((SECONDS + 90)); shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -n 20 "$home/logs/$name.log" >&2; die "$name ended; its log: $home/logs/$name.log"; }
    [ $SECONDS -lt $deadline ] || die "$name: $what did not come within 90 s; its log: $home/logs/$name.log"
    sleep 0.1
  done
}

tcp() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
http() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$1$2"; }

# A server of somebody else on one of our ports would pass for ours until it fails in some odd way.
ports_are_free() {
  local name port
  for name in "${names[@]}"; do
    alive "$name" && continue
    for port in $(port_of "$name") $(port_of "$name-peer") $(port_of "$name-controller") $(port_of "$name-grpc"); do
      ! tcp "$port" || die "port $port, for $name, is taken; stop who has it, or choose others by AX_CLUSTER_PORT"
    done
  done
}

up() {
  [ -x "$ax" ] || die "$ax is missing; build it with 'cargo build --release -p ax'"
  "$servers/install.sh" etcd kafka s3 haproxy
  mkdir -p "$home/logs" "$home/pids" "$home/data"
  ports_are_free
  write_config
  for name in etcd kafka s3; do start "$name"; done
  await etcd 'health' http "$(port_of etcd)" /health
  await s3 'health' http "$(port_of s3)" /health
  await kafka 'its port' tcp "$(port_of kafka)"
  for name in coordinator indexer-1 indexer-2 ingest query-1 query-2; do start "$name"; done
  for name in query-1 query-2; do await "$name" 'readiness' http "$(port_of "$name")" /readyz; done
  start haproxy
  await haproxy 'the front' http "$front" /readyz
  status
  say "
search page   http://127.0.0.1:$front/
add           $ax repos add PATH --wait
search        $ax search main
stop          make cluster-down"
}

signal() {
  local pid; pid=$(pid_of "$2")
  [ -n "$pid" ] || die "$2 was never started"
  kill "-$1" "$pid"
}

down() {
  local name deadline=$((SECONDS + 10))
  for ((i = ${#names[@]} - 1; i >= 0; i--)); do alive "${names[i]}" && signal TERM "${names[i]}"; done
  for name in "${names[@]}"; do
    while alive "$name"; do
      [ $SECONDS -lt $deadline ] || signal KILL "$name"
      sleep 0.1
    done
  done
  say "stopped; logs and data stay in $home"
}

status() {
  printf '%-12s %-8s %-8s %s\n' process pid port log
  local name
  for name in "${names[@]}"; do
    local state; state=$(pid_of "$name"); alive "$name" || state=down
    printf '%-12s %-8s %-8s %s\n' "$name" "$state" "$(port_of "$name")" "$home/logs/$name.log"
  done
}

[ $# -ge 1 ] || set -- help
case $1 in
  up) up ;;
  down) down ;;
  status) status ;;
  kill) signal KILL "${2:?which process?}" ;;
  stop) signal TERM "${2:?which process?}" ;;
  pause) signal STOP "${2:?which process?}" ;;
  resume) signal CONT "${2:?which process?}" ;;
  start) start "${2:?which process?}" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" ;;
esac
