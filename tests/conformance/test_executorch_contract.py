"""What an export to ExecuTorch promises beside right numbers: bounds, memory, file size, bytes, refusals, inspect."""

import hashlib
import json
import os
import struct
import subprocess
from pathlib import Path

import compare
import pytest
import torch
from conftest import load_program
from foreign import run_all_cases

pytestmark = pytest.mark.usefixtures("no_reference")
PORTABLE = ("--backend", "portable")


@pytest.fixture
def export(exformer, tmp_path):
    def run(program, *arguments, name="out"):
        out = tmp_path / name
        backend = () if "--backend" in arguments else PORTABLE
        done = exformer("export", program.checkpoint, "--to", "executorch", *backend, "-o", out, "--inputs",
                        program.sample, "--json", *arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return out, json.loads(done.stdout)["executorch"]
    return run


def method_of(out):
    from executorch.runtime import Runtime
    return Runtime.get().load_program(out / "model.pte").load_method("forward")


def test_bounds_of_dynamic_shapes_are_kept(export, zoo):
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    axes = {"0": {"name": "batch", "max": 6}, "1": {"name": "tokens", "max": 48}}
    shapes = {name: axes for name in ("input_ids", "attention_mask", "token_type_ids")}
    out, facts = export(program, "--dynamic-shapes", json.dumps(shapes))
    assert facts["upper_bounds"] == {"batch": 6, "tokens": 48}
    method = method_of(out)
    assert [info.sizes() for info in (method.metadata.input_tensor_meta(i) for i in range(3))] == [(6, 48)] * 3
    ids = torch.randint(0, 100, (6, 48))
    full = method.execute([ids, torch.ones_like(ids), torch.zeros_like(ids)])[0]
    assert full.shape[:2] == (6, 48)
    with pytest.raises(RuntimeError):
        ids = torch.randint(0, 100, (7, 48))
        method.execute([ids, torch.ones_like(ids), torch.zeros_like(ids)])


@pytest.mark.parametrize("backend", ["portable", "xnnpack"])
@pytest.mark.parametrize("row, kwargs", [
    ("llama_ForCausalLM", "ids"), ("mistral_window", "ids"), ("qwen2_window", "prefill"),
    ("qwen3_ForCausalLM", "prefill"),
    ("bert_ForMaskedLM", "types"), ("vit_ForImageClassification", "image")])
def test_equals_transformers_at_its_bounds(row, kwargs, backend, export, zoo):
    import transformers
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    program = load_program(zoo, row, kwargs)
    out, facts = export(program, "--dynamic", "--backend", backend)
    exported = ExportedModel.from_pretrained(out)
    model = getattr(transformers, program.architecture).from_pretrained(program.checkpoint).eval()
    length = facts["upper_bounds"].get("sequence")
    for batch in (1, 2, 5, facts["upper_bounds"]["batch"]):
        if length is None:
            inputs = {"pixel_values": torch.randn(batch, 3, 32, 32)}
        else:
            names = compare.read_leaves(program.sample)
            inputs = {name: torch.ones(batch, length, dtype=torch.int64) for name in names}
            inputs["input_ids"] = torch.randint(3, 100, (batch, length))
        with torch.no_grad():
            wanted = get_leaf_tensors(model(**inputs))
        got = get_leaf_tensors(exported(**inputs))
        for name, tensor in wanted.items():
            assert compare.relative_error(compare.same_window(got[name], tensor, name), tensor) <= 1e-4, (batch, name)


def test_default_bounds_come_from_the_config(export, zoo):
    program = load_program(zoo, "llama_ForCausalLM", "decode")
    _, facts = export(program, "--dynamic")
    positions = json.loads((program.checkpoint / "config.json").read_text())["max_position_embeddings"]
    assert facts["upper_bounds"] == {"batch": 8, "past_sequence": positions, "sequence": positions}
    _, facts = export(program, "--dynamic", "--set", "max_batch=3", "--set", "max_length=40", name="smaller")
    assert facts["upper_bounds"] == {"batch": 3, "past_sequence": 40, "sequence": 40}


@pytest.mark.parametrize("row, kwargs", [("llama_ForCausalLM", "decode"), ("bert_Model", "all"),
                                         ("vit_ForImageClassification", "image"), ("qwen3_bf16", "prefill")])
def test_arena_is_near_what_lives_and_the_file_near_its_weights(export, zoo, row, kwargs):
    program = load_program(zoo, row, kwargs)
    out, facts = export(program, "--dynamic")
    assert facts["arena"]["live"] <= facts["arena"]["bytes"] <= 1.2 * facts["arena"]["live"]
    from executorch.exir._serialize._program import deserialize_pte_binary
    parsed = deserialize_pte_binary((out / "model.pte").read_bytes())
    assert parsed.program.execution_plan[0].non_const_buffer_sizes == [0, facts["arena"]["bytes"]]
    stored = sum(len(buffer.storage) for buffer in parsed.program.constant_buffer)
    weights = sum(path.stat().st_size for path in program.checkpoint.glob("*.safetensors"))
    assert stored <= 1.01 * weights + 64 * len(parsed.program.constant_buffer)


def test_tied_weights_are_stored_once(export, zoo):
    from executorch.exir._serialize._program import deserialize_pte_binary
    out, _ = export(load_program(zoo, "llama_tied", "prefill"), "--dynamic")
    parsed = deserialize_pte_binary((out / "model.pte").read_bytes())
    contents = [bytes(buffer.storage) for buffer in parsed.program.constant_buffer if len(buffer.storage) > 1024]
    assert len(contents) == len(set(contents)) > 0


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
def test_static_export_needs_no_more(export, zoo, backend):
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    static, facts = export(program, "--backend", backend, name="static")
    shapes = {name: {"0": {"name": "batch", "max": 2}, "1": {"name": "sequence", "max": 9}}
              for name in ("input_ids", "attention_mask", "token_type_ids")}
    _, dynamic = export(program, "--backend", backend, "--dynamic-shapes", json.dumps(shapes), name="dynamic")
    assert facts["upper_bounds"] == {}
    assert facts["arena"]["bytes"] <= dynamic["arena"]["bytes"]
    assert facts["instructions"] <= dynamic["instructions"]
    problems = run_all_cases(static, program, cases=program.cases[:1])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("field", ["alloc_graph_input", "alloc_graph_output", "alloc_mutable_buffers"])
def test_memory_of_inputs_and_outputs_may_be_the_callers(export, zoo, field):
    program = load_program(zoo, "llama_ForCausalLM", "decode")
    out, facts = export(program, "--dynamic", "--set", f"{field}=false")
    _, planned = export(program, "--dynamic", name="planned")
    metadata = method_of(out).metadata
    inputs = [metadata.input_tensor_meta(i).is_memory_planned() for i in range(metadata.num_inputs())]
    outputs = [metadata.output_tensor_meta(i).is_memory_planned() for i in range(metadata.num_outputs())]
    assert set(inputs) == {field != "alloc_graph_input"}
    assert set(outputs) == {field != "alloc_graph_output"}
    assert facts["arena"]["bytes"] <= planned["arena"]["bytes"]
    manifest = json.loads((out / "export.json").read_text())
    assert manifest["components"]["model"]["metadata"]["export_config"][field] is False
    problems = run_all_cases(out, program)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
def test_bytes_do_not_depend_on_the_run(exformer, zoo, tmp_path, backend):
    program = load_program(zoo, "qwen3_bf16_to_f16", "prefill")
    digests = set()
    for number, threads in enumerate(("1", "2", "1")):
        out = tmp_path / str(number)
        done = exformer("export", program.checkpoint, "--to", "executorch", "--backend", backend, "--dynamic",
                        "-o", out, "--inputs", program.sample, *program.export_args, env={"OMP_NUM_THREADS": threads})
        assert done.returncode == 0, done.stderr
        digests.add(hashlib.sha256((out / "model.pte").read_bytes() + (out / "export.json").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("arguments, code, words", [
    (("--backend", "cuda"), 3, ("cuda", "xnnpack")),
    (("--backend", "vulkan"), 1, ("vulkan", "portable")),
    (("--backend", "portable", "--max-arena", "1KB"), 3, ("arena", "batch")),
    (("--backend", "portable", "--max-arena", "many"), 1, ("max_arena",)),
    (("--backend", "portable", "--set", "max_batch=0"), 1, ("max_batch",)),
    (("--backend", "portable", "--set", "alloc_graph_inputs=true"), 1, ("alloc_graph_input",)),
    (("--backend", "portable", "--opset", "20"), 2, ("--opset",)),
])
def test_refusals_leave_nothing(exformer, zoo, tmp_path, arguments, code, words):
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    done = exformer("export", program.checkpoint, "--to", "executorch", "--dynamic", "-o", tmp_path / "out", *arguments)
    assert done.returncode == code, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert os.listdir(tmp_path) == []


def test_a_pte_does_not_run_here(export, exformer, zoo, tmp_path):
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    out, _ = export(program, "--dynamic")
    done = exformer("run", out, "--inputs", program.sample, "-o", tmp_path / "x.safetensors")
    assert done.returncode == 3 and "executorch.runtime" in done.stderr


def test_inspect_says_what_executorchs_own_reader_says(export, exformer, zoo, tmp_path):
    from executorch.exir._serialize._program import deserialize_pte_binary
    out, facts = export(load_program(zoo, "llama_ForCausalLM", "decode"), "--dynamic")
    plan = deserialize_pte_binary((out / "model.pte").read_bytes()).program.execution_plan[0]
    done = exformer("inspect", out / "model.pte", "--json", "--graph", tmp_path / "graph.svg")
    assert done.returncode == 0, done.stderr
    method = json.loads(done.stdout)["methods"][0]
    calls = {}
    for instruction in plan.chains[0].instructions:
        if not hasattr(instruction.instr_args, "op_index"):  # a jump over what ends the run
            continue
        operator = plan.operators[instruction.instr_args.op_index]
        name = operator.name + (f".{operator.overload}" if operator.overload else "")
        calls[name] = calls.get(name, 0) + 1
    assert method["operators"] == calls
    assert method["instructions"] == facts["instructions"] == len(plan.chains[0].instructions)
    assert method["arena_bytes"] == facts["arena"]["bytes"]
    assert [entry["largest_shape"] for entry in method["inputs"]] == [
        list(plan.values[i].val.sizes) for i in plan.inputs]
    assert (tmp_path / "graph.svg").read_text().count("<rect") > 5
    assert exformer("inspect", out, "--json").returncode == 0


def xnnpack_graph(payload, folder):
    """The graph of a delegate's payload, as flatc reads it by the schema of ExecuTorch's wheel."""
    import executorch.backends.xnnpack.serialization as serialization
    schema = Path(next(iter(serialization.__path__))) / "runtime_schema.fbs"
    offset, size = struct.unpack_from("<II", payload, 10)
    (folder / "payload.bin").write_bytes(payload[offset:offset + size])
    subprocess.run(["flatc", "--json", "--strict-json", "--raw-binary", "-o", folder, schema, "--",
                    folder / "payload.bin"], check=True)
    return json.loads((folder / "payload.json").read_text())


def test_inspect_counts_the_nodes_of_delegates(exformer, zoo, tmp_path):
    from executorch.exir._serialize._program import deserialize_pte_binary
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    exformer.export(program.checkpoint, "executorch", tmp_path / "out", program.sample, ["--backend", "xnnpack"])
    done = exformer("inspect", tmp_path / "out" / "model.pte", "--json")
    assert done.returncode == 0, done.stderr
    delegates = json.loads(done.stdout)["methods"][0]["delegates"]
    parsed = deserialize_pte_binary((tmp_path / "out" / "model.pte").read_bytes()).program
    assert len(delegates) == len(parsed.execution_plan[0].delegates) > 0
    for ours, theirs in zip(delegates, parsed.execution_plan[0].delegates):
        payload = bytes(parsed.backend_delegate_data[theirs.processed.index].data)
        assert ours["payload_bytes"] == len(payload) and ours["calls"] == 1
        nodes = xnnpack_graph(payload, tmp_path)["xnodes"]
        assert sum(ours["nodes"].values()) == len(nodes)
        kinds = [node["xnode_union_type"] for node in nodes]
        assert ours["nodes"]["FullyConnected"] == kinds.count("XNNFullyConnected") > 0


def test_inspect_reads_the_references_files(exformer, tmp_path):
    from executorch.exir import to_edge

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 3)

        def forward(self, x):
            return torch.relu(self.linear(x))

    program = to_edge(torch.export.export(Model(), (torch.ones(2, 4),))).to_executorch()
    (tmp_path / "m.pte").write_bytes(program.buffer)
    done = exformer("inspect", tmp_path / "m.pte", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["methods"][0]["inputs"] == [{"kind": "Tensor", "dtype": "float32", "shape": [2, 4]}]
    assert facts["methods"][0]["outputs"] == [{"kind": "Tensor", "dtype": "float32", "shape": [2, 3]}]
    assert facts["segments"]["constant_tensors"] == 2


def test_cut_files_are_clear_errors(export, exformer, zoo, tmp_path):
    out, _ = export(load_program(zoo, "llama_ForCausalLM", "prefill"))
    whole = (out / "model.pte").read_bytes()
    cut = tmp_path / "cut.pte"
    for size in (0, 7, 8, 39, 40, 500, 4000, len(whole) // 2, len(whole) - 200):
        cut.write_bytes(whole[:size])
        done = exformer("inspect", cut)
        assert done.returncode == 1 and "cut.pte" in done.stderr and len(done.stderr) < 400, (size, done.stderr)


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
@pytest.mark.parametrize("row, kwargs", [("bert_ForMaskedLM", "types"), ("llama_ForCausalLM", "prefill")])
def test_sizes_may_be_as_large_as_their_bounds(exformer, zoo, tmp_path, row, kwargs, backend):
    """The cases' largest batch and sequence are the bounds: all memory that was planned is used."""
    program = load_program(zoo, row, kwargs)
    largest = {axis: max(case[axis] for case in program.cases) for axis in ("batch", "sequence")}
    names = json.loads((program.directory / "case.json").read_text())["kwargs"]
    axes = {"0": {"name": "batch", "max": largest["batch"]}, "1": {"name": "length", "max": largest["sequence"]}}
    shapes = dict.fromkeys(names, axes)
    done = exformer("export", program.checkpoint, "--to", "executorch", "--backend", backend, "-o", tmp_path / "out",
                    "--inputs", program.sample, "--dynamic-shapes", json.dumps(shapes))
    assert done.returncode == 0, done.stderr
    at_bounds = [case for case in program.cases if all(case[axis] == largest[axis] for axis in largest)]
    assert at_bounds
    problems = run_all_cases(tmp_path / "out", program)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
@pytest.mark.parametrize("row, kwargs", [("llama_tied", "prefill"), ("vit_Model", "image")])
def test_weights_may_lie_in_a_file_of_their_own(exformer, zoo, tmp_path, row, kwargs, backend):
    from executorch.extension.pybindings import portable_lib
    program = load_program(zoo, row, kwargs)
    for name, arguments in (("inside", ()), ("beside", ("--set", "external_data=true"))):
        done = exformer("export", program.checkpoint, "--to", "executorch", "--backend", backend, "--dynamic",
                        "-o", tmp_path / name, "--inputs", program.sample, *arguments)
        assert done.returncode == 0, done.stderr
    inside, beside = tmp_path / "inside" / "model.pte", tmp_path / "beside" / "model.pte"
    data = beside.with_suffix(".ptd")
    assert beside.stat().st_size < inside.stat().st_size / 2
    assert beside.stat().st_size + data.stat().st_size < 1.1 * inside.stat().st_size
    inputs = list(compare.read_leaves(program.sample).values())
    expected = portable_lib._load_for_executorch(str(inside)).forward(inputs)
    actual = portable_lib._load_for_executorch(str(beside), str(data)).forward(inputs)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(actual, expected, strict=True))


@pytest.mark.parametrize("row, kwargs", [("llama_ForCausalLM", "decode"), ("vit_ForImageClassification", "image")])
def test_a_static_export_equals_transformers(exformer, zoo, tmp_path, row, kwargs):
    program = load_program(zoo, row, kwargs)
    done = exformer("export", program.checkpoint, "--to", "executorch", "-o", tmp_path / "out", "--inputs",
                    program.sample)
    assert done.returncode == 0, done.stderr
    problems = run_all_cases(tmp_path / "out", program, cases=program.cases[:1])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("backend", ["portable", "xnnpack"])
@pytest.mark.parametrize("row, kwargs, is_taken", [
    ("llama_ForCausalLM", "ids", True), ("mistral_window", "ids", True), ("qwen3_window_mixed", "decode", False)])
def test_custom_attention_of_the_llm_extension(row, kwargs, is_taken, backend, export, zoo):
    """On request; a mask of several samples is none that it takes."""
    from executorch.extension.llm.custom_ops import custom_ops  # noqa: F401  (registers the kernels)

    program = load_program(zoo, row, kwargs)
    out, facts = export(program, "--dynamic", "--backend", backend, "--set", "custom_ops=llm")
    assert facts.get("custom_ops") == (["llama::custom_sdpa.out"] if is_taken else None)
    assert run_all_cases(out, program) == []
    _, plain = export(program, "--dynamic", "--backend", backend, name="plain")
    assert "custom_ops" not in plain


def test_custom_attention_takes_the_mask_of_a_single_sample(export, zoo):
    """Sequences padded on the left have rows that see nothing."""
    from executorch.extension.llm.custom_ops import custom_ops  # noqa: F401

    program = load_program(zoo, "qwen3_ForCausalLM", "prefill")
    shapes = {name: {"0": "static", "1": "length"} for name in ("input_ids", "attention_mask")}
    single = [case for case in program.cases if case["batch"] == 1]
    program.cases[0] = single[0]
    out, facts = export(program, "--dynamic-shapes", json.dumps(shapes), "--set", "custom_ops=llm")
    assert facts["custom_ops"] == ["llama::custom_sdpa.out"]
    assert run_all_cases(out, program, single) == []
