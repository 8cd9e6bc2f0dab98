#!/usr/bin/env bash
# Builds the libFuzzer targets with clang under ASan and UBSan, and runs each on its seed corpus and what comes of it.
#   tools/fuzz.sh [SECONDS]      for each target; default 20
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-20}"

tools/setup-debian.sh --fuzz
cmake --preset fuzz
cmake --build --preset fuzz --parallel "$(nproc)"
for target in build/fuzz/tests/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  name="$(basename "$target" | sed 's/^fuzz_//')"
  found="build/fuzz/found/$name"
  log="build/fuzz/$name.log"
  mkdir -p "$found"
  printf '== fuzz_%s, %s s: ' "$name" "$seconds"
  "$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=25 -artifact_prefix="$found/" "$found" \
    "tests/fuzz/corpus/$name" >"$log" 2>&1 || { echo "something was found"; tail -n 100 "$log"; exit 1; }
  grep '^Done' "$log"
done
