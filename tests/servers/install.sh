#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks, and says what and how long.
#
#   install.sh [build|deny|etcd|kafka|s3|sshd|https|haproxy|tools|perf|all]... (all when nothing is named)
#
# Idempotent, and quick when nothing is missing. Debian packages need root or sudo; the rest goes to
# ${AX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/automatosx} and needs neither.
set -euo pipefail
source "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin

has() { command -v "$1" >/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# `packages HOW_LONG NAME...` installs the Debian packages that are not there.
packages() {
  local how_long=$1 missing=() name
  shift
  has dpkg-query || die "this is not a Debian-like system; install by hand what these packages hold: $*"
  for name in "$@"; do installed "$name" || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  [ ${#root[@]} = 0 ] || has sudo || die "needs root or sudo to install: ${missing[*]}"
  say "installing Debian packages (about $how_long): ${missing[*]}"
  # The lists may be stale or absent on a fresh image; refresh them only when the install fails.
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  local install=("${apt[@]}" install --yes --no-install-recommends "${missing[@]}")
  "${install[@]}" >/dev/null 2>&1 || { "${apt[@]}" update && "${install[@]}" >/dev/null; }
}

# protoc, with the well-known types that its package only recommends, for etcd's contracts and for raft;
# the rest for librdkafka, which is built from source because
# distributions carry versions that are too old.
install_build() {
  has cargo || die "needs Rust: https://rustup.rs"
  packages '30 s' protobuf-compiler libprotobuf-dev g++ make cmake pkg-config libssl-dev zlib1g-dev libcurl4-openssl-dev
}

install_etcd() {
  has etcd && has etcdctl || packages '10 s' etcd-server etcd-client
}

install_haproxy() {
  has haproxy || packages '5 s' haproxy
}

# ripgrep is the oracle that search results are compared with; setpriv (util-linux) ties a server's
# life to its test's.
install_tools() {
  has rg || packages '5 s' ripgrep
  has git || packages '10 s' git
  has setpriv || packages '5 s' util-linux
}

# What `ax perf inspect` samples with. Its test does without where there is none, as in some containers.
install_perf() {
  has perf || (packages '10 s' linux-perf) || say "there is no linux-perf to be had: no test will sample a process"
}

java_is_new_enough() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -1)
  [ "${version:-0}" -ge "$kafka_java" ]
}

install_kafka() {
  [ ! -d "$kafka_jars" ] || ! has java || return 0
  has java || packages '40 s' default-jre-headless
  java_is_new_enough || die "needs Java $kafka_java or newer on the PATH; here is $(java -version 2>&1 | head -1)"
  [ ! -d "$kafka_jars" ] || return 0
  has mvn || packages '30 s' maven
  say "downloading Kafka $kafka_version by maven (about 10 s, 45 MB) to $kafka_jars"
  local part=$kafka_jars.part
  rm -rf "$part"
  mvn -q -B -f "$servers_dir/kafka/pom.xml" "-Dkafka.version=$kafka_version" \
    dependency:copy-dependencies "-DoutputDirectory=$part"
  mv "$part" "$kafka_jars"
}

install_s3() {
  [ ! -x "$versitygw" ] || return 0
  has go || die "needs Go $versitygw_go or newer to build the S3 server (https://go.dev/dl)"
  say "building versitygw $versitygw_version with $(go env GOVERSION) (about 2 min on two cores) to $versitygw"
  local part=${versitygw%/*}.part
  rm -rf "$part"
  mkdir -p "$part"
  if ! GOFLAGS=-mod=mod GOBIN=$part nice go install -ldflags='-s -w' \
    "github.com/versity/versitygw/cmd/versitygw@$versitygw_version" >"$part/log" 2>&1; then
    tail -n 20 "$part/log" >&2
    die "versitygw did not build; it needs Go $versitygw_go or newer, here is $(go version)"
  fi
  mv "$part" "${versitygw%/*}"
}

# Unpacked beside the system rather than installed: an installed package starts its server, on the well-known
# port and for everybody, and neither a test nor its user asked for that.
git_server_packages=(openssh-server libwrap0 lighttpd lighttpd-mod-openssl)

install_git_servers() {
  [ ! -d "$git_servers" ] || return 0
  # As root, sshd wants a user to be nobody with; the package would make the same one.
  [ "$(id -u)" != 0 ] || id sshd >/dev/null 2>&1 ||
    useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
  # What the unpacked servers, their scripts and their clients need of the system.
  packages '10 s' git openssh-client openssl libnettle8 libpcre2-8-0 libxxhash0 libnsl2
  say "unpacking ${git_server_packages[*]} (1 MB) to $git_servers"
  local part=$git_servers.part
  rm -rf "$part"
  mkdir -p "$part/debs"
  ( cd "$part/debs" && apt-get -qq download "${git_server_packages[@]}" >/dev/null 2>&1 ) ||
    die "cannot download ${git_server_packages[*]}; apt-get update may help"
  local deb
  for deb in "$part"/debs/*.deb; do dpkg-deb -x "$deb" "$part"; done
  rm -r "$part/debs"
  mv "$part" "$git_servers"
}

install_sshd() { install_git_servers; }
install_https() { install_git_servers; }

# Licences, bans and sources of what we depend on: part of the lints.
install_deny() {
  [ ! -x "$cargo_deny" ] || return 0
  has cargo || die "needs Rust: https://rustup.rs"
  say "building cargo-deny $cargo_deny_version (about 2 min on two cores) to ${cargo_deny%/bin/*}"
  local log=${cargo_deny%/bin/*}.log
  # Its own profile optimises across all crates at the end, on one core. It runs for a second.
  if ! CARGO_TARGET_DIR=$cache/target-cargo-deny CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    cargo install --locked "cargo-deny@$cargo_deny_version" --root "${cargo_deny%/bin/*}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "cargo-deny did not build"
  fi
  rm -rf "$cache/target-cargo-deny"
}

mkdir -p "$cache"
# Test processes run side by side and each may find the same thing missing.
exec 9>"$cache/install.lock"
flock 9
[ $# -gt 0 ] || set -- all
for what in "$@"; do
  case $what in
    build | deny | etcd | kafka | s3 | sshd | https | haproxy | tools | perf) "install_$what" 9>&- ;;
    all) for each in build tools perf etcd haproxy git_servers kafka s3; do "install_$each" 9>&-; done ;;
    *) die "unknown: $what; known: build deny etcd kafka s3 sshd https haproxy tools perf all" ;;
  esac
done
