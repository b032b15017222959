#!/usr/bin/env bash
# A whole server on Linux 6.1 source, over HTTP, under the workloads of this folder; reports go to bench/
# (BENCH_DIR). `server.sh NAME…` runs some of them; CORPUS names other text. The server is started once per
# workload on a fresh folder, since a run must not begin where another ended.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$root/tests/servers/common.sh"
source "$root/tests/bench/corpus.sh" "${CORPUS:-}"
cd "$root"
ax=${AX_BIN:-${CARGO_TARGET_DIR:-target}/release/ax}
out=${BENCH_DIR:-bench}
mkdir -p "$out"
# Without clients-200: it wants fifty repositories, which its header says how to give.
[ $# -gt 0 ] || set -- first-page count-literals ignore-case regex multiline clients-8
for name in "$@"; do
  say "$name"
  "$ax" perf run "tests/bench/workloads/$name.toml" --set "corpus.path=$corpus" \
    --json "$out/$name.json" --html "$out/$name.html"
done
