"""Every checkpoint, exported to ExecuTorch, equals transformers at every shape in ExecuTorch's own runtime.

XNNPACK runs in float32: a 16-bit checkpoint is widened, and equals the same weights in float32."""

import dataclasses
import json

import compare
import pytest
from foreign import run_all_cases
from safetensors.torch import save_file


def widened(program, folder):
    """The program's cases with float32 inputs, and with the outputs that transformers gives in float32."""
    cases = []
    for number, case in enumerate(program.cases):
        leaves = compare.read_leaves(program.directory / case["inputs"])
        leaves = {name: leaf.float() if leaf.is_floating_point() else leaf for name, leaf in leaves.items()}
        inputs = folder / f"inputs_{number}.safetensors"
        save_file(leaves, inputs, metadata={"order": json.dumps(list(leaves))})
        kept = {name: value for name, value in case.items() if name != "exact"}
        cases.append({**kept, "inputs": inputs, "outputs": program.directory / case["exact"]})
    return dataclasses.replace(program, cases=cases, dtype="float32")


def export_and_compare(program, backend, exformer, folder):
    exformer.export(program.checkpoint, "executorch", folder / "out", program.sample,
                    ["--backend", backend, *program.export_args])
    return run_all_cases(folder / "out", program)


def test_portable_equals_transformers(program, exformer, tmp_path):
    problems = export_and_compare(program, "portable", exformer, tmp_path)
    assert not problems, "\n".join(problems)


def test_xnnpack_equals_transformers(program, exformer, tmp_path):
    if program.dtype == "bfloat16" and "--dtype" in program.export_args:
        done = exformer("export", program.checkpoint, "--to", "executorch", "-o", tmp_path / "out",
                        *program.export_args)
        assert done.returncode == 3 and "bfloat16" in done.stderr
        return
    if program.dtype != "float32" and "--dtype" not in program.export_args:
        program = widened(program, tmp_path)
    problems = export_and_compare(program, "xnnpack", exformer, tmp_path)
    assert not problems, "\n".join(problems)
