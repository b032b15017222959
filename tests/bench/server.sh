#!/usr/bin/env bash
# A whole server on Linux 6.1 source, over HTTP, under the workloads of this folder; reports go to bench/
# (BENCH_DIR). `server.sh NAME…` runs some of them; CORPUS names other text. The server is started once per
# workload on a fresh folder, since a run must not begin where another ended. Two names are no workloads:
# `push` measures how long after a push its files are found, `scale` a selective query over five and over fifty
# repositories.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$root/tests/servers/common.sh"
source "$root/tests/bench/corpus.sh" "${CORPUS:-}"
cd "$root"
ax=${AX_BIN:-${CARGO_TARGET_DIR:-target}/release/ax}
out=${BENCH_DIR:-bench}
mkdir -p "$out"

# `repositories STEP`: fifty folders of the corpus, the largest but two, or every STEP-th of them, as a TOML list.
repositories() {
  (cd "$corpus" && ls -d drivers/*/ arch/*/ fs/*/ ./*/ | grep -vE '^\./(drivers|arch|fs)/$' | xargs du -s --apparent-size) |
    sort -rn | sed -n '3,52p' | awk -v step="$1" -v corpus="$corpus" \
    '(NR - 1) % step == 0 { sub(/\/$/, "", $2); sub(/^\.\//, "", $2); printf "%s\"%s/%s\"", n++ ? "," : "[", corpus, $2 } END { print "]" }'
}

# `measure NAME WORKLOAD SETTING…`
measure() {
  local name=$1 workload=$2
  shift 2
  "$ax" perf run "tests/bench/workloads/$workload.toml" --set "corpus.path=$corpus" "${@/#/--set=}" \
    --json "$out/$name.json" --html "$out/$name.html"
}

[ $# -gt 0 ] || set -- first-page count-literals ignore-case regex multiline names clients-8 clients-200 scale push
for name in "$@"; do
  say "$name"
  case $name in
    clients-200) measure "$name" "$name" "corpus.repos=$(repositories 1)" ;;
    scale)
      measure scale-5 scale "corpus.repos=$(repositories 10)" 'corpus.label="5 repositories"'
      measure scale-50 scale "corpus.repos=$(repositories 1)" 'corpus.label="50 repositories"'
      "$ax" perf compare --force "$out/scale-5.json" "$out/scale-50.json" || true
      ;;
    push) "$ax" perf push "$corpus" --json "$out/push.json" ;;
    *) measure "$name" "$name" ;;
  esac
done
