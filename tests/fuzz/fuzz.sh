#!/usr/bin/env bash
# Fuzzes every target for so many seconds, two at a time, from its kept corpus. What crashes a target is
# left in a folder that the last lines name; put it into the corpus once it is mended.
#   tests/fuzz/fuzz.sh SECONDS [TARGET...]
# With CI=true runs begin from the kept corpus alone and draw from one seed, so that what fails for one
# person fails for the next.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(segment fold plan query)
cache=${AX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/automatosx}
work=$cache/fuzz
mkdir -p "$work"
host=$(rustc -vV | sed -n 's/^host: //p')

# What `cargo fuzz` asks of the compiler without a sanitizer; it needs no nightly one. With --target, build
# scripts and macros are left as they are.
flags=(
    --cfg fuzzing
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cdebug-assertions
)
export RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=$work/target CARGO_INCREMENTAL=0
cargo build --locked --bins --target "$host"

# What was found before in this cache goes on from there; the kept corpus is only read.
seed=0 found=$work # a seed of 0 is a new one
if [[ ${CI:-} == true ]]; then
    seed=1 found=$(mktemp -d)
    trap 'rm -rf "$found"' EXIT
fi

run() {
    local target=$1 log=$work/$1.log
    mkdir -p "$found/$target" "$work/crashes/$target"
    if ! "$CARGO_TARGET_DIR/$host/debug/$target" "$found/$target" "corpus/$target" \
        -seed="$seed" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=4096 \
        -artifact_prefix="$work/crashes/$target/" -print_final_stats=1 >"$log" 2>&1; then
        echo "fuzz: $target failed; its input is in $work/crashes/$target, its log says:"
        grep -E "panicked|assertion|left:|right:|SUMMARY|ERROR|Test unit" "$log" | head -20
        return 1
    fi
    echo "fuzz: $target: $(grep -E "stat::number_of_executed_units" "$log" | tail -1 | awk '{print $2}') runs, $(
        grep -oE "cov: [0-9]+" "$log" | tail -1)"
}
export -f run
export work found seed seconds host
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'run {}'
