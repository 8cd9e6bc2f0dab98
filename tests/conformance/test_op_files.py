"""Rows of op_rows/ as files of one call: torch loads and runs the `.pt2`, ONNX Runtime the `.onnx`, ExecuTorch
the `.pte`, at both sets of sizes.

EXFORMER_BUILD     the build folder that holds tests/conformance/op_exporter (default: build/release of this checkout)
EXFORMER_ALL_ROWS  1: every dtype of every row, not the first one of each kind (floats, integers, bools) alone
"""

import json
import os
import subprocess

import pytest
import torch
from op_row import symbols_in
from test_ops import CASES, RUNNER, compare_values, torch_expectation

EXPORTER = RUNNER.parent / "op_exporter"


def is_exportable(case):
    """Whether the row says the same as a file: no refusals, no in-place form, and every symbol is some input's size."""
    known = {
        size
        for each in case.inputs
        for dim, size in enumerate(each.sizes)
        if isinstance(size, str) and size.isidentifier()
    }
    needed = set().union(
        *(symbols_in(size) for each in case.inputs for size in each.sizes), *(symbols_in(e) for e in case.expressions())
    )
    options = case.options
    name = case.op.partition(".")[0]
    is_inplace = name.endswith("_") and not name.startswith("__")
    # Random draws, and ops whose results are numbers, are not compared here.
    return (
        needed <= known
        and not is_inplace
        and not options.get("raises")
        and not options.get("refused")
        and not name.startswith("sym_")
    )


def kind(dtype):
    """float, integer, bool or complex, of a name such as f32"""
    return {"b": "bool", "f": "f", "c": "c"}.get(dtype[0], "i") if dtype != "bf16" else "f"


def chosen():
    seen = set()
    for case in filter(is_exportable, CASES):
        row = (id(case.options), *(kind(each.dtype) for each in case.inputs))
        if row in seen and os.environ.get("EXFORMER_ALL_ROWS") != "1":
            continue
        seen.add(row)
        yield case


ROWS = list(chosen())


def export(tmp_path_factory, file_format):
    if not EXPORTER.exists():
        pytest.fail(f"{EXPORTER} is not built; set EXFORMER_BUILD")
    folder = tmp_path_factory.mktemp(file_format)
    (folder / "rows.json").write_text(json.dumps([case.to_json() for case in ROWS]))
    finished = subprocess.run([EXPORTER, file_format, folder], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    written = json.loads((folder / "exported.json").read_text())
    return {name: {**entry, "path": folder / entry.get("file", "")} for name, entry in written.items()}


@pytest.fixture(scope="session")
def pt2_files(tmp_path_factory):
    return export(tmp_path_factory, "pt2")


@pytest.fixture(scope="session")
def onnx_files(tmp_path_factory):
    return export(tmp_path_factory, "onnx")


@pytest.fixture(scope="session")
def pte_files(tmp_path_factory):
    return export(tmp_path_factory, "pte")


@pytest.fixture(scope="session")
def xnnpack_files(tmp_path_factory):
    return export(tmp_path_factory, "xnnpack")


def inputs_of(case, number):
    return {f"x{i}": tensor for i, (_, tensor) in enumerate(case.make_inputs(number))}


def compare(case, run):
    for number, wanted in enumerate(torch_expectation(case)):
        if isinstance(wanted, str):
            continue
        actual = run(inputs_of(case, number))
        assert len(actual) == len(wanted)
        for i, (ours, theirs) in enumerate(zip(actual, wanted)):
            if i not in case.options.get("unordered", ()):
                compare_values(torch.as_tensor(ours), theirs, case.options)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_torch_runs_the_pt2(case, pt2_files):
    entry = pt2_files[case.id]
    assert "error" not in entry, entry["error"]
    module = torch.export.load(entry["path"]).module()
    compare(case, lambda inputs: list(module(**inputs)))


ONNX_DTYPES = {
    torch.float32,
    torch.float64,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
}


# Rows whose ONNX form differs from torch so far: NaN and infinities in extremes and signs, reductions over an
# empty list of dims, 0-d tensors under gather and index_select, unused statistics of the native norms,
# rounding of float64 corner cases and of bicubic weights, integers that ONNX Runtime computes as real numbers.
ONNX_GAPS = {
    "_native_batch_norm_legit_no_training-0",
    "all.dims-10",
    "all.dims-9",
    "amax-48",
    "amin-48",
    "any-10",
    "any.dims-10",
    "any.dims-9",
    "arange-10",
    "argmax-0",
    "atan2-11",
    "atan2-12",
    "conv2d.padding-0",
    "cumsum-26",
    "div.Tensor_mode-10",
    "einsum-6",
    "gather-14",
    "index_select-10",
    "index_select-11",
    "logaddexp-11",
    "max-10",
    "max.dim-38",
    "min-10",
    "min.dim-38",
    "native_group_norm-0",
    "native_layer_norm-1",
    "remainder.Tensor-28",
    "sign-12",
    "sum.dim_IntList-0",
    "upsample_bicubic2d.vec-2",
}


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_onnx_runtime_runs_the_onnx(case, onnx_files, request):
    if case.id in ONNX_GAPS:
        request.applymarker(pytest.mark.xfail(reason="known gap of the ONNX form", strict=False))
    onnxruntime = pytest.importorskip("onnxruntime")
    entry = onnx_files[case.id]
    if entry.get("error", {}).get("kind") == 3:
        pytest.skip(entry["error"]["message"])
    assert "error" not in entry, entry["error"]
    results = [value for value in torch_expectation(case)[0] if isinstance(value, torch.Tensor)]
    if any(tensor.dtype not in ONNX_DTYPES for tensor in [*inputs_of(case, 0).values(), *results]):
        pytest.skip("ONNX Runtime's Python has no such array")
    session = onnxruntime.InferenceSession(entry["path"], providers=["CPUExecutionProvider"])
    names = {each.name for each in session.get_inputs()}

    def run(inputs):
        fed = {name: tensor.contiguous().numpy() for name, tensor in inputs.items() if name in names}
        return [torch.from_numpy(value) for value in session.run(None, fed)]

    compare(case, run)


# Rows that the runtime's kernels compute otherwise than torch: mixed 16-bit floats, float64 computed in float32, NaN
# and infinities at the edge of a domain, topk of more elements than its scratch memory holds.
PTE_GAPS = {
    "div.Tensor_mode-10",
    "eq.Tensor-16",
    "native_layer_norm-1",
    "pow.Tensor_Scalar-38",
    "remainder.Tensor-13",
    "remainder.Tensor-14",
    "sign-12",
    "std.correction-7",
    "var.correction-7",
}

# The runtime ends the process over a reduction of no elements.
PTE_CRASHES = {"amax-51"}


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_executorch_runs_the_pte(case, pte_files, request):
    if case.id in PTE_GAPS:
        request.applymarker(pytest.mark.xfail(reason="the runtime's kernel differs", strict=True))
    runtime = pytest.importorskip("executorch.runtime")
    if case.id in PTE_CRASHES:
        pytest.skip("the runtime cannot reduce empty tensors")
    entry = pte_files[case.id]
    if entry.get("error", {}).get("kind") == 3:
        pytest.skip(entry["error"]["message"])
    assert "error" not in entry, entry["error"]
    method = runtime.Runtime.get().load_program(entry["path"]).load_method("forward")
    compare(case, lambda inputs: list(method.execute([tensor.contiguous() for tensor in inputs.values()])))


# Rows that XNNPACK computes otherwise than torch: NaN, infinities and subnormal numbers.
XNNPACK_GAPS = {
    "exp-10",
    "max.other-44",
    "maximum-44",
    "min.other-44",
    "minimum-44",
    "pow.Tensor_Scalar-38",
    "rsqrt-10",
    "sqrt-10",
}
# The same, with the kernels that it has for some processors.
XNNPACK_GAPS_OF_SOME_PROCESSORS = {"log-10"}


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_xnnpack_runs_its_part_of_the_pte(case, xnnpack_files, request):
    """Rows of which nothing is delegated are the other test's."""
    runtime = pytest.importorskip("executorch.runtime")
    entry = xnnpack_files[case.id]
    if entry.get("error", {}).get("kind") == 3:
        pytest.skip(entry["error"]["message"])
    assert "error" not in entry, entry["error"]
    if b"XnnpackBackend" not in entry["path"].read_bytes():
        pytest.skip("no part is delegated")
    if case.id in XNNPACK_GAPS:
        request.applymarker(pytest.mark.xfail(reason="XNNPACK differs", strict=True))
    if case.id in XNNPACK_GAPS_OF_SOME_PROCESSORS:
        request.applymarker(pytest.mark.xfail(reason="XNNPACK differs on some processors", strict=False))
    method = runtime.Runtime.get().load_program(entry["path"]).load_method("forward")
    compare(case, lambda inputs: list(method.execute([tensor.contiguous() for tensor in inputs.values()])))
