"""The tracer against real torch: programs of views and in-place writes, in which every tensor, input or view, must hold
what it holds in torch at the end, with torch's sizes and strides.

EXFORMER_BUILD   the build folder that holds tests/conformance/trace_runner (default: build/release of this checkout)
EXFORMER_PROGRAMS  how many random programs are tried (default 150)
"""

import json
import os
import subprocess

import onnxruntime
import pytest
import torch
from op_row import T
from safetensors.torch import load_file, save_file
from test_ops import RUNNER
from traced_program import Program, RandomProgram

TRACER = RUNNER.parent / "trace_runner"

INDICES, MASK, NUMBER = T("i64", 2, values=(1, 0)), T("bool", 4), T("f32", low=1.0, high=2.0)
BASES = (
    T("f32", 4, 4),
    T("f32", 2, 3, 4),
    T("f32", 3, 4, order=(1, 0)),
    T("f32", "b", 4),
    T("f32", "b", "s", 4),
    T("f32", 2, "b", 4, order=(2, 0, 1)),
    T("f32", 4, "s", step=2),
    T("f32", 1, "b", 1, 6),
)


def random_programs():
    for number in range(int(os.environ.get("EXFORMER_PROGRAMS", "150"))):
        base = BASES[number % len(BASES)]
        yield RandomProgram(f"random-{number}", [base, INDICES, MASK, NUMBER], writes=1 + number % 5).program


def chosen_programs():
    """One program for each rule that is easily got wrong."""

    def program(name, *inputs):
        return Program(name, list(inputs))

    p = program("write-to-base-is-seen-by-views", T("f32", "b", 4))
    view = p.call("slice.Tensor", 0, 1, 1, 3)
    p.call("add_.Scalar", 0, 1.0)
    p.call("mul_.Scalar", view, 2.0)
    p.call("add_.Scalar", 0, 1.0)
    yield p

    p = program("overlapping-slices", T("f32", 6, "s"))
    first, second = p.call("slice.Tensor", 0, 0, 0, 4), p.call("slice.Tensor", 0, 0, 2, 6)
    p.call("mul_.Scalar", first, 3.0)
    p.call("copy_", second, p.call("clone", first))
    p.call("add_.Tensor", first, p.call("clone", second))
    yield p

    p = program("contiguous-of-a-contiguous-tensor-is-itself", T("f32", "b", 4))
    same = p.call("contiguous", p.call("alias", 0))
    p.call("fill_.Scalar", same, 3.0)
    yield p

    p = program("contiguous-of-a-transpose-is-a-copy", T("f32", 3, 4))
    copy = p.call("contiguous", p.call("t", 0))
    p.call("fill_.Scalar", copy, 3.0)
    yield p

    p = program("reshape-that-must-copy-is-no-view", T("f32", 3, 4))
    copy = p.call("reshape", p.call("t", 0), [12])
    p.call("zero_", copy)
    yield p

    p = program("to-the-same-dtype-is-itself", T("f32", 3, 4))
    p.call("zero_", p.call("to.dtype", 0, torch.float32))
    p.call("add_.Scalar", p.call("to.dtype", 0, torch.float32, False, True), 1.0)
    yield p

    p = program("dropout-of-inference-is-its-input", T("f32", 3, 4))
    p.call("zero_", p.call("slice.Tensor", p.call("dropout", 0, 0.5, False), 0, 1))
    yield p

    p = program("a-view-stays-a-view-after-its-geometry-changed", T("f32", "b", 1, 4))
    view = p.call("alias", 0)
    p.call("squeeze_.dim", view, 1)
    p.call("transpose_", view, 0, 1)
    p.call("unsqueeze_", view, 0)
    p.call("add_.Scalar", view, 1.0)
    yield p

    p = program("strided-view-keeps-its-strides", T("f32", 4, 6))
    view = p.call("slice.Tensor", 0, 1, 0, 6, 2)
    p.call("add_.Scalar", view, 1.0)
    p.call("mul_.Tensor", p.call("t", view), p.call("t", view))
    yield p

    p = program("transposed-base-keeps-its-strides", T("f32", 3, 4, order=(1, 0)))
    view = p.call("view", p.call("t", 0), [12])
    p.call("neg_", view)
    p.call("copy_", 0, p.call("clone", 0, memory_format=torch.contiguous_format))
    yield p

    p = program("diagonal-unfold-and-meshgrid", T("f32", 4, 4), T("f32", 3), T("f32", 2))
    p.call("add_.Scalar", p.call("diagonal", 0), 10.0)
    p.call("zero_", p.call("select.int", p.call("unfold", 0, 1, 2, 2), 2, 1))
    grids = p.call("meshgrid.indexing", [1, 2], indexing="ij")
    p.call("add_.Scalar", 1, 1.0)
    assert len(grids) == 2
    yield p

    p = program("filling-an-expanded-tensor", T("f32", "b", 1))
    p.call("fill_.Scalar", p.call("expand", 0, [-1, 3]), 2.0)
    yield p

    p = program("integers-and-bools-are-written-in-their-own-dtype", T("i64", 3, 4), T("f32", 3, 4), T("bool", 3, 4))
    p.call("mul_.Scalar", 0, 3)
    p.call("add_.Tensor", 1, 0)
    p.call("gt_.Tensor", 1, 0)
    p.call("copy_", 0, 1)
    p.call("logical_or_", 2, 1)
    yield p

    p = program("products-are-added-in-place", T("f32", "b", 3), T("f32", "b", 4), T("f32", 4, 3))
    p.call("addmm_", 0, 1, 2)
    p.call("addmm_", p.call("slice.Tensor", 0, 1, 0, 2), 1, p.call("slice.Tensor", 2, 1, 0, 2), beta=0.5)
    yield p

    p = program("cache-update", T("f32", "b", 2, "s", 4), T("f32", "b", 2, 1, 4), T("i64", 1, values=(2,)))
    p.call("index_copy_", 0, 2, 2, 1)
    p.call("copy_", p.call("slice.Tensor", 0, 2, 4, 5), 1)
    yield p


def data_dependent_programs():
    """Sizes that data define; torch and ONNX Runtime run them from files too."""

    def program(name, *inputs):
        return Program(name, list(inputs), files=True)

    p = program("nonzero-positions", T("f32", "b", 4))
    found = p.call("nonzero", p.call("gt.Scalar", 0, 0.0))
    rows = p.call("select.int", found, 1, 0)
    p.call("mul.Tensor", p.call("index_select", 0, 0, rows), p.call("unsqueeze", rows, 1))
    yield p

    p = program("a-mask-read-twice-and-written", T("f32", "b", "s"), T("f32", "b", "s"))
    mask = p.call("gt.Scalar", 0, 0.5)
    total = p.call("add.Tensor", p.call("index.Tensor", 0, [mask]), p.call("index.Tensor", 1, [mask]))
    p.call("index_put_", 1, [mask], total)
    yield p

    p = program("rows-by-mask", T("f32", "s", 3), T("bool", "s"), T("f32", 3))
    rows = p.call("index.Tensor", 0, [1])
    p.call("linear", rows, p.call("cat", [rows, 0]))
    p.call("index_put_", 0, [1], 2)
    yield p

    p = program("masked-select-of-a-broadcast-mask", T("f32", "b", 4), T("bool", 4))
    picked = p.call("masked_select", 0, 1)
    p.call("cat", [picked, picked])
    p.call("sum", picked)
    yield p

    p = program("repeats", T("f32", "b", "s", 2), T("i64", "s", low=0, high=3))
    wide = p.call("repeat_interleave.self_Tensor", 0, 1, 1)
    p.call("add.Tensor", wide, wide)
    p.call("transpose.int", wide, 0, 1)
    yield p


DATA_DEPENDENT = list(data_dependent_programs())
PROGRAMS = [*chosen_programs(), *DATA_DEPENDENT, *random_programs()]


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    if not TRACER.exists():
        pytest.fail(f"{TRACER} is not built; set EXFORMER_BUILD")
    folder = tmp_path_factory.mktemp("programs")
    (folder / "rows.json").write_text(json.dumps([program.to_json() for program in PROGRAMS]))
    tensors = {}
    for program in PROGRAMS:
        tensors.update(program.storages())
    save_file(tensors, folder / "tensors.safetensors")
    finished = subprocess.run([TRACER, folder], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return json.loads((folder / "results.json").read_text()), load_file(folder / "results.safetensors")


def describe(program):
    return "\n".join(f"{op} {args} {kwargs}" for op, args, kwargs in program.steps)


@pytest.mark.parametrize("traced", PROGRAMS, ids=lambda traced: traced.name)
def test_program_equals_torch(traced, results):
    table, tensors = results
    result = table[traced.name]
    assert "error" not in result, (result["error"], describe(traced))
    for world, entry in zip(traced.worlds, result["sets"]):
        assert len(world) == len(entry["outputs"])
        for number, (wanted, output) in enumerate(zip(world, entry["outputs"])):
            if output["data_dependent"]:
                output |= {"sizes": list(wanted.shape), "strides": list(wanted.stride())}  # known when it runs
            where = f"tensor {number} of\n{describe(traced)}\n{result['text']}"
            assert output["sizes"] == list(wanted.shape), where
            used = [dim for dim in range(wanted.dim()) if wanted.shape[dim] != 1] if wanted.numel() else []
            assert [output["strides"][d] for d in used] == [wanted.stride(d) for d in used], where
            actual = tensors[output["values"]]
            assert actual.dtype == wanted.dtype, where
            torch.testing.assert_close(actual, wanted.contiguous(), rtol=1e-5, atol=1e-6, equal_nan=True, msg=where)


@pytest.mark.parametrize("number", range(len(DATA_DEPENDENT)), ids=[each.name for each in DATA_DEPENDENT])
@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_files_of_data_dependent_programs_run(number, kind, results):
    traced = DATA_DEPENDENT[number]
    result = results[0][traced.name]
    assert kind in result, result
    for sizes, world in enumerate(traced.worlds):
        inputs = {f"x{i}": tensor for i, tensor in enumerate(traced.make_inputs(sizes))}
        if kind == "pt2":
            program = torch.export.load(result["pt2"])
            actual = (program.run_decompositions() if sizes else program).module()(**inputs)
        else:
            session = onnxruntime.InferenceSession(result["onnx"], providers=["CPUExecutionProvider"])
            fed = {each.name: inputs[each.name].numpy() for each in session.get_inputs()}
            actual = [torch.from_numpy(value) for value in session.run(None, fed)]
        for ours, wanted in zip(actual, world, strict=True):
            torch.testing.assert_close(ours, wanted.contiguous(), rtol=1e-5, atol=1e-6, check_stride=False)


def test_programs_are_not_trivial():
    steps = [len(program.steps) for program in PROGRAMS]
    writes = sum(op.partition(".")[0].endswith("_") for program in PROGRAMS for op, _, _ in program.steps)
    assert writes > 1.5 * len(PROGRAMS) and max(steps) > 8
