"""What other tools ask of a `.pt2`: torch loads, runs, decomposes and re-derives it, and ExecuTorch lowers it."""

import io
import json
import random
import zipfile

import compare
import pytest
import torch
from conftest import REFERENCE, load_program
from exported_graph import propagation_faults
from foreign import load_pt2, run_all_cases
from transformers.exporters.utils import get_leaf_tensors

MODELS = [("llama_ForCausalLM", "prefill"), ("llama_ForCausalLM", "decode"), ("llama_rope_dynamic", "prefill"),
          ("mistral_window", "prefill"), ("qwen2_ForSequenceClassification", "prefill"), ("qwen3_window", "prefill"),
          ("qwen3_bf16", "prefill"), ("bert_Model", "all"), ("bert_ForMaskedLM", "types"),
          ("vit_ForImageClassification", "image"), ("vit_rectangle_base", "image"), ("bert_attentions", "types")]


@pytest.fixture(scope="module", params=MODELS, ids=["-".join(pair) for pair in MODELS])
def exported(request, zoo, exformer, tmp_path_factory):
    """(the checkpoint's program, the export directory)"""
    program = load_program(zoo, *request.param)
    out = tmp_path_factory.mktemp("pt2") / "out"
    exformer.export(program.checkpoint, "dynamo", out, program.sample, program.export_args)
    return program, out


def test_stored_metas_are_what_torch_derives(exported):
    # The reference traces attention with the math kernel, so its own file has that kernel's strides.
    faults = propagation_faults(load_pt2(exported[1]), math_attention=REFERENCE)
    assert not faults, "\n".join(faults[:20])


def test_decomposed_program_gives_the_same_outputs(exported, tmp_path):
    """run_decompositions() takes the program to core ATen; the result must still equal transformers."""
    program, out = exported
    decomposed = load_pt2(out).run_decompositions()
    torch.export.save(decomposed, str(tmp_path / "model.pt2"))
    for name in ("export.json", "config.json"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    problems = run_all_cases(tmp_path, program, program.cases[:3])
    assert not problems, "\n".join(problems)


def test_every_weight_is_in_the_file_once(exported):
    """Tied weights share one blob, and each blob is the size that its tensor says."""
    with zipfile.ZipFile(exported[1] / "model.pt2") as archive:
        assert archive.testzip() is None
        sizes = {info.filename.split("/", 1)[1]: info for info in archive.infolist()}
        assert all(info.compress_type == zipfile.ZIP_STORED for info in sizes.values())
        config = json.loads(archive.read(next(n for n in archive.namelist() if "model_weights_config" in n)))
    blobs = [name for name in sizes if name.startswith("data/weights/") and not name.endswith(".json")]
    named = {entry["path_name"] for entry in config["config"].values()}
    assert {blob.rsplit("/", 1)[1] for blob in blobs} == named


def test_holds_no_traces(exported, no_reference):
    """No path of this machine and no time of writing."""
    with zipfile.ZipFile(exported[1] / "model.pt2") as archive:
        assert {info.date_time for info in archive.infolist()} <= {(1980, 1, 1, 0, 0, 0), (1980, 0, 0, 0, 0, 0)}
        for name in archive.namelist():
            if name.endswith(".json"):
                text = archive.read(name)
                assert b"stack_trace" not in text and str(exported[0].checkpoint).encode() not in text


def has_cache(program):
    return any("past_key_values" in name for name in compare.read_leaves(program.sample))


def test_example_call_is_plain_tensors(exported, no_reference):
    """What AOTInductor compiles with. A cache's example would need its class unpickled: there is none then."""
    program, out = exported
    with zipfile.ZipFile(out / "model.pt2") as archive:
        pickled = archive.read(next(n for n in archive.namelist() if "sample_inputs" in n))
    if has_cache(program):
        assert pickled == b""
        return
    args, kwargs = torch.load(io.BytesIO(pickled), weights_only=True)
    sample = compare.read_leaves(program.sample)
    assert args == () and list(kwargs) == list(sample)
    for name, value in kwargs.items():
        expected = torch.as_tensor(sample[name])
        assert value.dtype == expected.dtype and torch.equal(value, expected)


@pytest.mark.parametrize("name, program_name", [("llama_ForCausalLM", "decode"), ("bert_Model", "all")])
def test_aot_inductor_compiles_it(name, program_name, zoo, exformer, tmp_path, no_reference):
    """Compiled by torch's own compiler from the plain pytree, it gives transformers' outputs at another size."""
    program = load_program(zoo, name, program_name)
    exformer.export(program.checkpoint, "dynamo", tmp_path / "out", program.sample,
                    [*program.export_args, "--set", "pytree=plain"])
    exported = torch.export.load(str(tmp_path / "out" / "model.pt2"))
    package = torch._inductor.aoti_compile_and_package(exported, package_path=str(tmp_path / "compiled.pt2"))
    compiled = torch._inductor.aoti_load_package(package)
    for case in program.cases[:3]:
        kwargs = nested(compare.read_leaves(program.directory / case["inputs"]))
        leaves = get_leaf_tensors(compiled(**kwargs))
        for leaf, expected in compare.read_leaves(program.directory / case["outputs"]).items():
            if not compare.NOT_COMPARED.search(leaf):
                torch.testing.assert_close(leaves[leaf], torch.as_tensor(expected), rtol=1e-4, atol=1e-4)


def nested(leaves):
    """Dotted paths -> dicts and lists (a cache: {"layers": [{"keys", "values"}]})."""
    tree = {}
    for path, value in leaves.items():
        *parents, last = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = torch.as_tensor(value)

    def listed(node):
        if not isinstance(node, dict):
            return node
        items = {key: listed(value) for key, value in node.items()}
        return [items[str(i)] for i in range(len(items))] if items and all(k.isdigit() for k in items) else items
    return listed(tree)


def test_guards_admit_every_size(exported, no_reference):
    """Ranges of symbolic sizes start at 1 at the latest: nothing is specialised on the sample."""
    ranges = {str(symbol): interval for symbol, interval in load_pt2(exported[1]).range_constraints.items()}
    assert ranges, "a dynamic export has symbolic sizes"
    too_narrow = {name: interval for name, interval in ranges.items() if interval.lower > 1}
    assert not too_narrow


def test_plain_pytrees_load_with_torch_alone(zoo, exformer, tmp_path, no_reference):
    """`pytree=plain` gives dicts and tuples, so a process without transformers can load and call the program."""
    import subprocess
    import sys

    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    exformer.export(program.checkpoint, "dynamo", tmp_path / "out", program.sample, ["--set", "pytree=plain"])
    script = f"""
import sys, torch
sys.modules["transformers"] = None
from safetensors.torch import load_file
inputs = load_file({str(program.sample)!r})
outputs = torch.export.load({str(tmp_path / 'out' / 'model.pt2')!r}).module()(
    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
torch.save([v for v in torch.utils._pytree.tree_leaves(outputs)], {str(tmp_path / 'leaves.pt')!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    import compare

    leaves = torch.load(tmp_path / "leaves.pt")
    expected = compare.read_leaves(program.directory / program.cases[0]["outputs"])
    assert len(leaves) == len(expected)
    assert compare.relative_error(leaves[0], expected["logits"]) < 1e-4


@pytest.mark.parametrize("name, program_name", [("bert_ForMaskedLM", "types"), ("llama_ForCausalLM", "prefill")])
def test_executorch_lowers_it(name, program_name, zoo, exformer, tmp_path):
    """ExecuTorch's own lowering, with the XNNPACK partitioner, accepts the program and keeps its outputs."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = load_program(zoo, name, program_name)
    exformer.export(program.checkpoint, "dynamo", tmp_path / "out", program.sample, program.export_args)
    edge = to_edge_transform_and_lower(load_pt2(tmp_path / "out"), partitioner=[XnnpackPartitioner()])
    targets = [str(node.target) for node in edge.exported_program().graph.nodes]
    assert any("executorch_call_delegate" in target for target in targets), "nothing went to the delegate"
    assert len(edge.to_executorch().buffer) > 0


def test_sizes_nobody_listed(zoo, exformer, tmp_path):
    """Random shapes, against the live model: no list of cases can be what the export was fitted to."""
    import transformers
    from transformers.exporters import ExportedModel

    import compare

    program = load_program(zoo, "mistral_window", "prefill")
    exformer.export(program.checkpoint, "dynamo", tmp_path / "out", program.sample)
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    model = transformers.MistralForCausalLM.from_pretrained(program.checkpoint).eval()
    generator = random.Random(11)
    for _ in range(12):
        batch, length = generator.randint(1, 7), generator.randint(1, 60)
        ids = torch.randint(3, 128, (batch, length))
        mask = (torch.rand(batch, length) > 0.3).long()
        mask[:, generator.randrange(length)] = 1
        with torch.no_grad():
            expected = model(input_ids=ids, attention_mask=mask).logits
        # A query that may attend to nothing has no defined output; transformers' kernels differ there themselves.
        defined = mask.cumsum(-1).bool()
        window = torch.stack([mask[:, max(0, i - 7): i + 1].sum(-1) for i in range(length)], 1).bool()
        keep = (defined & window)[..., None]
        ours = exported(input_ids=ids, attention_mask=mask).logits
        error = compare.relative_error(torch.where(keep, ours, 0), torch.where(keep, expected, 0))
        assert error < 1e-4, f"batch {batch}, length {length}: {error}"
