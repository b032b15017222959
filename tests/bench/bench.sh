#!/usr/bin/env bash
# The engine on Linux 6.1 source, ripgrep beside it: build speed, index size, memory, query latencies.
# `bench.sh DIR` takes another folder of text. All figures also go to bench.json (AX_BENCH_JSON).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$root/tests/servers/common.sh"

source "$root/tests/bench/corpus.sh" "${1:-}"
cd "$root"
cargo build --release -p ax-engine --example bench
"${CARGO_TARGET_DIR:-target}/release/examples/bench" "$corpus" --json "${AX_BENCH_JSON:-bench.json}"
