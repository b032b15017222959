#!/usr/bin/env bash
# Runs one S3 server in the foreground on loopback; killing this process kills the server itself.
#
#   s3.sh --data DIR --port PORT --access-key KEY --secret-key SECRET
#
# A bucket is a folder under DIR/buckets. `GET /health` answers 200 once it serves. Why this server:
# README.md beside this file.
set -euo pipefail
source "$(dirname "$0")/common.sh"

data='' port='' access_key='' secret_key=''
read_flags 'data port access-key secret-key' "$@"
[ -n "$data" ] && [ -n "$port" ] || die 'needs --data and --port'
[ -n "$access_key" ] && [ -n "$secret_key" ] || die 'needs --access-key and --secret-key'
ensure s3 "$versitygw"

mkdir -p "$data/buckets"
# The secrets go by environment: arguments are readable by every user of the machine.
export ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key
exec "$versitygw" --port "127.0.0.1:$port" --health /health --keep-alive \
  posix "$data/buckets"
