"""What other tools ask of an ONNX file, and what each field of OnnxConfig does."""

import json
import shutil
import subprocess

import numpy as np
import onnx
import pytest
from conftest import load_program
from foreign import run_all_cases, single_threaded_session

MODELS = [("llama_ForCausalLM", "prefill"), ("llama_ForCausalLM", "decode"), ("mistral_window", "prefill"),
          ("qwen2_ForSequenceClassification", "prefill"), ("qwen3_window_mixed", "prefill"), ("bert_Model", "all"),
          ("bert_ForQuestionAnswering", "types"), ("vit_ForImageClassification", "image"),
          ("llama_rope_longrope", "prefill"), ("llama_rope_dynamic", "prefill")]
OPSETS = (18, 19, 20, 21, 22, 23)


def export(exformer, program, out, *arguments):
    exformer.export(program.checkpoint, "onnx", out, program.sample, [*program.export_args, *arguments])
    return onnx.load(out / "model.onnx", load_external_data=False)


def default_opset(model):
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def check(out):
    """The checker's full check (which infers shapes), then strict inference with values."""
    path = str(out / "model.onnx")
    onnx.checker.check_model(path, full_check=True)
    onnx.shape_inference.infer_shapes_path(path, str(out / "inferred.onnx"), check_type=True, strict_mode=True,
                                           data_prop=True)


def run(out, program, cases=None):
    problems = run_all_cases(out, program, program.cases[:cases], session_options=single_threaded_session())
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name, program_name", MODELS)
def test_checker_and_shape_inference_accept_it(name, program_name, zoo, exformer, tmp_path):
    program = load_program(zoo, name, program_name)
    model = export(exformer, program, tmp_path / "out")
    check(tmp_path / "out")
    assert model.graph.output and all(o.type.tensor_type.elem_type for o in model.graph.output)


@pytest.mark.parametrize("name, program_name", MODELS)
def test_names_are_leaf_paths(name, program_name, zoo, exformer, tmp_path):
    """A leaf keeps its path; one that is on both sides is prefixed with its side."""
    import compare

    program = load_program(zoo, name, program_name)
    model = export(exformer, program, tmp_path / "out")
    inputs = list(compare.read_leaves(program.sample))
    outputs = [n for n in compare.read_leaves(program.directory / program.cases[0]["outputs"])]
    both = set(inputs) & set(outputs)
    named = {"input." + n if n in both else n for n in inputs}
    assert {i.name for i in model.graph.input} <= named
    real = [o.name for o in model.graph.output if not compare.NOT_COMPARED.search(o.name)]
    wanted = ["output." + n if n in both else n for n in outputs if not compare.NOT_COMPARED.search(n)]
    assert real == wanted


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name, program_name", [("llama_ForCausalLM", "prefill"), ("bert_Model", "types"),
                                                ("vit_ForImageClassification", "image")])
def test_every_opset(name, program_name, opset, zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, name, program_name)
    model = export(exformer, program, tmp_path / "out", "--opset", opset)
    assert default_opset(model) == opset
    check(tmp_path / "out")
    run(tmp_path / "out", program, 3)


def external_tensors(model):
    """[(name, location, offset, length)] of initializers that live in another file."""
    rows = []
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            entry = {e.key: e.value for e in tensor.external_data}
            rows.append((tensor.name, entry["location"], int(entry.get("offset", 0)), int(entry["length"])))
    return rows


def test_external_data_is_one_aligned_sidecar(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "llama_tied", "prefill")
    model = export(exformer, program, tmp_path / "out", "--set", "external_data=true")
    rows = external_tensors(model)
    assert rows, "no weight is external"
    assert {location for _, location, _, _ in rows} == {"model.onnx.data"}
    size = (tmp_path / "out" / "model.onnx.data").stat().st_size
    end = 0
    for _, _, offset, length in sorted(rows, key=lambda row: row[2]):
        assert offset % 64 == 0 and offset >= end and offset + length <= size
        end = offset + length
    weights = sum(length for _, _, _, length in rows)
    checkpoint = sum(f.stat().st_size for f in program.checkpoint.glob("*.safetensors"))
    assert weights <= checkpoint + 4096, "a weight is stored twice"
    check(tmp_path / "out")
    run(tmp_path / "out", program)


def test_weights_inline(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    model = export(exformer, program, tmp_path / "out", "--set", "external_data=false")
    assert not external_tensors(model)
    # transformers' loader asks for the sidecar even when nothing is in it.
    assert (tmp_path / "out" / "model.onnx.data").stat().st_size == 0
    check(tmp_path / "out")
    run(tmp_path / "out", program, 3)


def shared_export(exformer, zoo, name, tmp_path, *arguments):
    """Exports a copy of a checkpoint with weights=share into its own folder `onnx`."""
    program = load_program(zoo, name, "prefill")
    beside = tmp_path / "checkpoint"
    shutil.copytree(program.checkpoint, beside)
    done = exformer("export", beside, "--to", "onnx", "--dynamic", "-o", beside / "onnx", "--set", "weights=share",
                    "--inputs", program.sample, *arguments)
    assert done.returncode == 0, done.stderr
    return program, beside, onnx.load(beside / "onnx" / "model.onnx", load_external_data=False)


@pytest.mark.parametrize("name", ["llama_ForCausalLM", "llama_tied", "llama_sharded"])
def test_weights_shared_with_the_checkpoint(name, zoo, exformer, tmp_path, no_reference):
    """`weights=share`: external data lies in the checkpoint's own safetensors files, of which nothing is copied."""
    program, beside, model = shared_export(exformer, zoo, name, tmp_path)
    locations = {location for _, location, _, _ in external_tensors(model)}
    assert locations and locations <= {f.name for f in beside.glob("*.safetensors")}
    assert (beside / "onnx" / "model.onnx.data").stat().st_size == 0
    for file in locations:
        assert (beside / "onnx" / file).samefile(beside / file) or on_reflinking_file_system(beside)
    run(beside / "onnx", program, 3)


def on_reflinking_file_system(path):
    kind = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout.strip()
    return kind in ("btrfs", "xfs")


def test_shared_weights_that_are_cast_are_copied(zoo, exformer, tmp_path, no_reference):
    _, beside, model = shared_export(exformer, zoo, "llama_ForCausalLM", tmp_path, "--dtype", "f16")
    assert {location for _, location, _, _ in external_tensors(model)} == {"model.onnx.data"}
    assert not list((beside / "onnx").glob("*.safetensors"))


def test_shared_weights_through_the_hub_caches_links(zoo, exformer, tmp_path, no_reference):
    """ONNX Runtime refuses a snapshot's symbolic links: the file behind one is shared, under the link's name."""
    program = load_program(zoo, "bert_Model", "prefill")
    snapshot = tmp_path / "snapshot"
    shutil.copytree(program.checkpoint, snapshot)
    (snapshot / "model.safetensors").rename(tmp_path / "blob")
    (snapshot / "model.safetensors").symlink_to("../blob")
    done = exformer("export", snapshot, "--to", "onnx", "--dynamic", "-o", tmp_path / "out", "--set", "weights=share",
                    "--inputs", program.sample)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out" / "model.safetensors").is_symlink()
    run(tmp_path / "out", program, 3)


def test_shared_weights_beside_the_checkpoint_itself(zoo, exformer, tmp_path, no_reference):
    """An output_path in the checkpoint's folder needs no link at all, so the checker accepts it too."""
    program = load_program(zoo, "bert_Model", "prefill")
    beside = tmp_path / "checkpoint"
    shutil.copytree(program.checkpoint, beside)
    before = {f.name for f in beside.iterdir()}
    done = exformer("export", beside, "--to", "onnx", "--dynamic", "-o", tmp_path / "out", "--set", "weights=share",
                    "--set", f"output_path={beside / 'encoder.onnx'}", "--inputs", program.sample)
    assert done.returncode == 0, done.stderr
    assert {f.name for f in beside.iterdir()} - before == {"encoder.onnx", "encoder.onnx_data"}
    (tmp_path / "out" / "model.safetensors").unlink()  # the second name is what the checker would refuse
    onnx.checker.check_model(str(beside / "encoder.onnx"), full_check=True)


def test_another_file_in_the_way_of_shared_weights(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "bert_Model", "prefill")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.safetensors").write_bytes(b"somebody's")
    done = exformer("export", program.checkpoint, "--to", "onnx", "--dynamic", "-o", tmp_path / "out", "--set",
                    "weights=share", "--set", f"output_path={tmp_path / 'one' / 'encoder.onnx'}")
    assert done.returncode == 1 and "another file" in done.stderr, done.stderr
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["model.safetensors"]
    assert not (tmp_path / "out").exists()


def test_output_path_writes_one_file_with_its_sidecar(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "bert_Model", "prefill")
    target = tmp_path / "one" / "encoder.onnx"
    target.parent.mkdir()
    done = exformer("export", program.checkpoint, "--to", "onnx", "--dynamic", "--inputs", program.sample, "--set",
                    f"output_path={target}", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in target.parent.iterdir()) == ["encoder.onnx", "encoder.onnx_data"]
    onnx.checker.check_model(str(target), full_check=True)


def test_export_params_false_leaves_the_weights_out(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    export(exformer, program, tmp_path / "with")
    model = export(exformer, program, tmp_path / "without", "--set", "export_params=false")
    size = lambda d: sum(f.stat().st_size for f in d.glob("model.onnx*"))  # noqa: E731
    weights = sum(f.stat().st_size for f in program.checkpoint.glob("*.safetensors"))
    assert size(tmp_path / "without") < size(tmp_path / "with") - weights // 2
    names = {i.name for i in model.graph.input} | {t.name for t in model.graph.initializer} | {
        o for node in model.graph.node for o in node.output}
    assert all(i in names for node in model.graph.node for i in node.input if i), "a node reads what nothing gives"


def test_initializers_can_be_inputs(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    model = export(exformer, program, tmp_path / "out", "--set", "keep_initializers_as_inputs=true")
    inputs = {i.name for i in model.graph.input}
    assert {t.name for t in model.graph.initializer} <= inputs
    check(tmp_path / "out")


def test_unoptimised_graph_is_larger_and_equal(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "qwen3_window", "prefill")
    plain = export(exformer, program, tmp_path / "plain", "--set", "optimize=false")
    better = export(exformer, program, tmp_path / "better")
    assert len(better.graph.node) < len(plain.graph.node)
    check(tmp_path / "plain")
    run(tmp_path / "plain", program)


@pytest.mark.parametrize("name, program_name", [("llama_ForCausalLM", "prefill"), ("llama_ForCausalLM", "decode"),
                                                ("qwen3_window", "prefill"), ("bert_Model", "all"),
                                                ("vit_ForImageClassification", "image")])
def test_ort_fusions(name, program_name, zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, name, program_name)
    model = export(exformer, program, tmp_path / "out", "--set", "ort_fusions=cpu")
    assert any(node.domain == "com.microsoft" for node in model.graph.node)
    run(tmp_path / "out", program)


def test_config_file_and_set_agree(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    (tmp_path / "config.json").write_text(json.dumps({"opset_version": 20, "optimize": False}))
    one = export(exformer, program, tmp_path / "one", "--config", tmp_path / "config.json")
    other = export(exformer, program, tmp_path / "other", "--set", "opset_version=20", "--set", "optimize=false")
    assert default_opset(one) == default_opset(other) == 20
    assert one.SerializeToString() == other.SerializeToString()
    recorded = json.loads((tmp_path / "one" / "export.json").read_text())["components"]["model"]["metadata"]
    assert recorded["export_config"]["opset_version"] == 20 and recorded["export_config"]["optimize"] is False


@pytest.mark.parametrize("arguments, words", [
    (["--opset", "7"], ["7", "18"]),
    (["--set", "ort_fusions=cpu", "--set", "optimize=false"], ["ort_fusions", "optimize"]),
    (["--set", "ort_fusions=abacus"], ["abacus", "cpu"]),
    (["--set", "opset_versoin=20"], ["opset_versoin", "opset_version"]),
    (["--set", "optimize=maybe"], ["optimize", "maybe"]),
])
def test_refuses_settings_with_a_reason(arguments, words, zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "bert_ForMaskedLM", "types")
    done = exformer("export", program.checkpoint, "--to", "onnx", "-o", tmp_path / "out", *arguments)
    assert done.returncode in (1, 2, 3)
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "out").exists()


def test_sixteen_bit_weights_keep_their_bytes(zoo, exformer, tmp_path, no_reference):
    """A float16 checkpoint's weights go into the file bit for bit."""
    from safetensors.numpy import load_file

    program = load_program(zoo, "bert_f16", "types")
    export(exformer, program, tmp_path / "out")
    model = onnx.load(tmp_path / "out" / "model.onnx")
    held = {(str(a.dtype), a.shape, a.tobytes()) for a in map(onnx.numpy_helper.to_array, model.graph.initializer)}
    for tensor in load_file(program.checkpoint / "model.safetensors").values():
        forms = (tensor, np.ascontiguousarray(tensor.T))
        assert any((str(f.dtype), f.shape, f.tobytes()) in held for f in forms) or tensor.size < 64


def test_file_tells_nothing_about_the_machine(zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    export(exformer, program, tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        data = file.read_bytes()
        assert str(tmp_path).encode() not in data and str(program.checkpoint).encode() not in data, file.name
