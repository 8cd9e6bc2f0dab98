#!/usr/bin/env bash
# Sets up, builds and runs every test: the C++ ones (ctest), then the conformance tests against real transformers,
# torch, ONNX Runtime and ExecuTorch. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

workers="$(nproc)"  # before OMP_NUM_THREADS is set, which nproc goes by
tools/setup-debian.sh --tests
cmake --preset release -DEXFORMER_BUILD_TESTS=ON
cmake --build --preset release --parallel "$workers"

status=0
# The op tests ask real torch for their expected values; the runtime tests open the oracle's ONNX Runtime.
export EXFORMER_PYTHON="$PWD/.venv/bin/python"
EXFORMER_ONNXRUNTIME="$(find .venv/lib -name 'libonnxruntime.so*' -path '*onnxruntime/capi*' | head -n 1)"
export EXFORMER_ONNXRUNTIME="$PWD/$EXFORMER_ONNXRUNTIME"
ctest --test-dir build/release --output-on-failure --parallel "$workers" || status=1

export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
.venv/bin/python -m pytest tests/conformance -n "$workers" --dist worksteal "$@" || status=1
exit $status
