"""Every row of op_rows/ through this library's shape rules, reference kernels and decompositions, beside real torch.

EXFORMER_BUILD  the build folder that holds tests/conformance/op_runner (default: build/release of this checkout)
"""

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from op_row import cases_of  # noqa: E402

BUILD = Path(os.environ.get("EXFORMER_BUILD", HERE.parents[1] / "build" / "release"))
RUNNER = BUILD / "tests" / "conformance" / "op_runner"

# Relative and absolute tolerance by dtype. 16-bit floats: a unit in the last place of the result, and of inputs of
# size 1 to 2, because torch rounds between the steps of some loops and not of others.
TOLERANCE = {
    torch.float64: (1e-9, 1e-10),
    torch.float32: (2e-5, 2e-6),
    torch.float16: (2e-3, 2e-3),
    torch.bfloat16: (1.6e-2, 1.6e-2),
    torch.complex64: (2e-5, 2e-6),
}


def load_tables():
    rows, exceptions = [], {}
    for path in sorted((HERE / "op_rows").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"op_rows_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows += getattr(module, "ROWS", [])
        exceptions.update(getattr(module, "WITHOUT_ROWS", {}))
    return rows, exceptions


ROWS, WITHOUT_ROWS = load_tables()
CASES = list(cases_of(ROWS))


def inplace_cases():
    """The in-place form of each row, where torch has one with the same arguments."""
    for case in CASES:
        name, _, overload = case.op.partition(".")
        packet = getattr(torch.ops.aten, name + "_", None)
        if packet is None or case.options.get("inplace") is False or (overload or "default") not in packet.overloads():
            continue
        functional, inplace = case.torch_op()._schema, getattr(packet, overload or "default")._schema
        if [a.name for a in functional.arguments] != [a.name for a in inplace.arguments] or not case.inputs:
            continue
        if case.args[0] is not case.inputs[0] or case.inputs[0].expand or case.options.get("refused"):
            continue
        twin = copy.copy(case)
        twin.id, twin.op = "inplace-" + case.id, name + "_" + ("." + overload if overload else "")
        yield twin


INPLACE = list(inplace_cases())


def listed_ops():
    if not RUNNER.exists():
        return []
    return json.loads(subprocess.run([RUNNER, "--list"], capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="session")
def ops():
    if not RUNNER.exists():
        pytest.fail(f"{RUNNER} is not built; set EXFORMER_BUILD")
    return {op["name"]: op for op in listed_ops()}


def torch_expectation(case):
    """Per set of sizes: torch's outputs, or the error's message."""
    results = []
    for number in range(len(case.sets)):
        tensors = [tensor for _, tensor in case.make_inputs(number)]
        try:
            results.append(case.call_torch(number, tensors))
        except (RuntimeError, IndexError, TypeError, ValueError, ZeroDivisionError, NotImplementedError) as error:
            results.append(str(error).splitlines()[0])
    return results


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    if not RUNNER.exists():
        pytest.fail(f"{RUNNER} is not built; set EXFORMER_BUILD")
    folder = tmp_path_factory.mktemp("ops")
    tensors, table = {}, []
    for case in CASES + INPLACE:
        table.append(case.to_json())
        for number in range(len(case.sets)):
            for i, (storage, _) in enumerate(case.make_inputs(number)):
                tensors[f"{case.id}/{number}/{i}"] = storage
    (folder / "rows.json").write_text(json.dumps(table))
    save_file(tensors, folder / "tensors.safetensors")
    finished = subprocess.run([RUNNER, folder], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return json.loads((folder / "results.json").read_text()), load_file(folder / "results.safetensors")


def compare_meta(actual, wanted, compares_strides):
    if not isinstance(wanted, torch.Tensor):
        assert actual.get("sym") == wanted
        return
    assert actual["sizes"] == list(wanted.shape)
    if compares_strides and wanted.numel() > 0:
        # The stride of a dim of size 1 is never used; torch itself gives it several values.
        used = [dim for dim in range(wanted.dim()) if wanted.shape[dim] != 1]
        theirs = [wanted.stride(dim) for dim in used]
        assert [actual["strides"][dim] for dim in used] == theirs, (actual["strides"], wanted.stride())


def compare_values(actual, wanted, options):
    if not isinstance(wanted, torch.Tensor):
        assert actual.item() == wanted
        return
    assert actual.dtype == wanted.dtype
    rtol, atol = TOLERANCE.get(wanted.dtype, (0, 0))
    rtol, atol = options.get("rtol", rtol), options.get("atol", atol)
    torch.testing.assert_close(actual, wanted.contiguous(), rtol=rtol, atol=atol, equal_nan=True, check_stride=False)


def check(case, result, tensors, modes):
    expected = torch_expectation(case)
    refused = case.options.get("refused")
    if refused:
        entries = [result] if "error" in result else result["direct"]
        errors = [entry["error"] for entry in entries if "error" in entry]
        assert errors and refused in errors[0]["message"], result
        return
    if all(isinstance(wanted, str) for wanted in expected):
        assert case.options.get("raises") or case.id.startswith("inplace"), f"torch refuses this row: {expected[0]}"
        failed = "error" in result or any("error" in entry for entry in result["direct"])
        assert failed or (case.id.startswith("inplace") and "kernel" not in modes), f"torch refuses it: {expected[0]}"
        return
    assert not case.options.get("raises"), "torch accepts this row"
    assert "error" not in result, result["error"]
    for output, wanted in zip(result["outputs"], expected[0]):
        if isinstance(wanted, torch.Tensor):
            assert output.get("dtype") == str(wanted.dtype).removeprefix("torch.")
    for mode in modes:
        if mode not in result or (mode == "decomposed" and case.options.get("decomposes") is False):
            continue
        assert "error" not in result[mode], result[mode]["error"]
        for number, wanted in enumerate(expected):
            entry = result[mode][number]
            if isinstance(wanted, str):
                assert "error" in entry, f"torch refuses set {number}: {wanted}"
                continue
            assert len(entry["metas"]) == len(wanted)
            for i, (meta, value) in enumerate(zip(entry["metas"], wanted)):
                compare_meta(meta, value, mode == "direct" and case.options.get("strides") is not False)
            if "kernel" not in modes:
                continue
            assert "error" not in entry, entry["error"]
            for i, value in enumerate(wanted):
                if i not in case.options.get("unordered", ()):
                    compare_values(tensors[entry["values"][i]], value, case.options)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_op_equals_torch(case, results):
    table, tensors = results
    is_inplace = case.op.partition(".")[0].endswith("_") and not case.op.startswith("__")
    check(case, table[case.id], tensors, ("direct",) if is_inplace else ("direct", "decomposed", "kernel"))


@pytest.mark.parametrize("case", INPLACE, ids=lambda case: case.id)
def test_inplace_form_has_torchs_meta(case, results, ops):
    if "aten::" + case.op not in ops:
        pytest.skip("not declared")
    table, tensors = results
    check(case, table[case.id], tensors, ("direct",))


def test_every_op_has_a_row(ops):
    tested = {"aten::" + case.op for case in CASES + INPLACE}
    missing = [name for name in ops if name not in tested and name not in WITHOUT_ROWS]
    assert not missing, f"{len(missing)} ops without a row: {missing}"
    stale = [name for name in WITHOUT_ROWS if name not in ops]
    assert not stale, f"not declared: {stale}"


def torch_schema(name):
    base, _, overload = name.removeprefix("aten::").partition(".")
    return getattr(getattr(torch.ops.aten, base), overload or "default")


def test_schemas_are_torchs(ops):
    wrong = {}
    for name, op in ops.items():
        if not name.startswith("aten::"):
            continue
        schema = torch_schema(name)._schema
        theirs = [
            (a.name, a.kwarg_only, bool(a.alias_info and a.alias_info.is_write), a.has_default_value())
            for a in schema.arguments
        ]
        ours = [(a["name"], a["keyword_only"], a["mutated"], a["has_default"]) for a in op["arguments"]]
        if theirs != ours or len(schema.returns) != op["returns"]:
            wrong[name] = (ours, theirs)
    assert not wrong


def test_core_tags_are_torchs(ops):
    theirs = {name: torch.Tag.core in torch_schema(name).tags for name in ops if name.startswith("aten::")}
    wrong = [name for name, is_core in theirs.items() if ops[name]["core"] != is_core]
    assert not wrong


def test_out_variants_are_executorchs(ops):
    spec = importlib.util.find_spec("executorch")
    if spec is None:
        pytest.skip("executorch is not installed")
    folder = Path(list(spec.submodule_search_locations)[0]) / "kernels" / "portable"
    text = (folder / "functions.yaml").read_text()
    known = set(re.findall(r"^- (?:op|func): ([\w:]+(?:\.\w+)?)", text, re.MULTILINE))
    named = {name: op["out_variant"].removeprefix("aten::") for name, op in ops.items() if op["out_variant"]}
    wrong = {name: variant for name, variant in named.items() if variant not in known}
    assert not wrong


def test_ops_that_are_not_core_decompose(ops):
    traits = ("core", "inplace", "random", "view", "data_dependent", "out_variant")
    exempt = lambda op: any(op[trait] for trait in traits)  # noqa: E731
    stuck = [name for name, op in ops.items() if not exempt(op) and not op["decompose"] and not op["kernel"]]
    assert not stuck
