"""`use_cache`, `output_hidden_states`, `output_attentions`, `return_dict` given at the export, not in the config."""

import pytest
import torch
from conftest import load_program

import compare

pytestmark = pytest.mark.usefixtures("no_reference")
FLAGS = [("llama_ForCausalLM", "prefill", {"use_cache": False}),
         ("llama_ForCausalLM", "prefill", {"output_hidden_states": True}),
         ("qwen3_window", "prefill", {"output_hidden_states": True, "use_cache": False}),
         ("mistral_ForCausalLM", "prefill", {"output_attentions": True}),
         ("bert_Model", "all", {"output_attentions": True, "output_hidden_states": True}),
         ("bert_ForTokenClassification", "types", {"output_hidden_states": True}),
         ("vit_Model", "image", {"output_hidden_states": True}),
         ("llama_Model", "prefill", {"return_dict": False}),
         ("bert_Model", "all", {"return_dict": False})]


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
@pytest.mark.parametrize("name, program_name, flags", FLAGS)
def test_flags_at_the_export(name, program_name, flags, target, zoo, exformer, tmp_path):
    import transformers
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    program = load_program(zoo, name, program_name)
    settings = [part for key, value in flags.items() for part in ("--set", f"{key}={str(value).lower()}")]
    exformer.export(program.checkpoint, target, tmp_path / "out", program.sample, settings)
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    eager = {"attn_implementation": "eager"} if flags.get("output_attentions") else {}
    model = getattr(transformers, program.architecture).from_pretrained(program.checkpoint, **eager).eval()
    for case in program.cases[:4]:
        inputs = compare.read_leaves(program.directory / case["inputs"])
        with torch.no_grad():
            expected = model(**inputs, **flags)
        outputs = exported(**inputs)
        assert type(outputs) is type(expected)
        problems = compare.differences(get_leaf_tensors(outputs), get_leaf_tensors(expected))
        assert not problems, f"{case}\n" + "\n".join(problems)


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_fixed_shapes(target, zoo, exformer, tmp_path):
    """Without --dynamic the export has the sample's sizes: right there, and a clear refusal of others."""
    from transformers.exporters import ExportedModel

    program = load_program(zoo, "bert_ForMaskedLM", "types")
    done = exformer("export", program.checkpoint, "--to", target, "-o", tmp_path / "out", "--inputs", program.sample)
    assert done.returncode == 0, done.stderr
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    expected = compare.read_leaves(program.directory / program.cases[0]["outputs"])
    outputs = exported(**compare.read_leaves(program.sample))
    assert not compare.differences({"logits": outputs.logits}, expected)
    with pytest.raises(Exception):
        exported(**compare.read_leaves(program.directory / program.cases[3]["inputs"]))


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_named_and_bounded_dimensions(target, zoo, exformer, tmp_path):
    """--dynamic-shapes names and bounds dimensions; what it leaves out keeps the sample's size."""
    import json

    from transformers.exporters import ExportedModel

    program = load_program(zoo, "llama_ForCausalLM", "ids")
    shapes = {"input_ids": {"1": {"name": "length", "min": 2, "max": 48}}}
    done = exformer("export", program.checkpoint, "--to", target, "-o", tmp_path / "out", "--inputs", program.sample,
                    "--dynamic-shapes", json.dumps(shapes))
    assert done.returncode == 0, done.stderr
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    for case in (c for c in program.cases if c["batch"] == 2 and c["sequence"] > 1):
        outputs = exported(**compare.read_leaves(program.directory / case["inputs"]))
        expected = compare.read_leaves(program.directory / case["outputs"])
        assert compare.relative_error(outputs.logits, expected["logits"]) < 1e-4
    if target == "onnx":
        import onnx

        model = onnx.load(tmp_path / "out" / "model.onnx", load_external_data=False)
        dims = model.graph.input[0].type.tensor_type.shape.dim
        assert dims[0].dim_value == 2 and dims[1].dim_param == "length"
    else:
        import torch

        ranges = torch.export.load(str(tmp_path / "out" / "model.pt2")).range_constraints.values()
        assert any(int(r.lower) == 2 and int(r.upper) == 48 for r in ranges)


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
@pytest.mark.parametrize("name", ["vit_Model", "vit_ForImageClassification", "vit_gray"])
def test_images_of_any_size(name, target, zoo, exformer, tmp_path):
    """`interpolate_pos_encoding` makes height and width dynamic; images may be smaller, larger and oblong."""
    import transformers
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    program = load_program(zoo, name, "image")
    exformer.export(program.checkpoint, target, tmp_path / "out", program.sample,
                    ["--set", "interpolate_pos_encoding=true"])
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    model = getattr(transformers, program.architecture).from_pretrained(program.checkpoint).eval()
    patch, size, channels = model.config.patch_size, model.config.image_size, model.config.num_channels
    for batch, height, width in ((2, size, size), (1, patch, patch), (5, size + patch, 2 * size), (3, 3 * size, patch),
                                 (1, size + 3, size + 5)):
        images = torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(height))
        with torch.no_grad():
            expected = model(images, interpolate_pos_encoding=True)
        problems = compare.differences(get_leaf_tensors(exported(pixel_values=images)), get_leaf_tensors(expected))
        assert not problems, f"{batch}x{height}x{width}\n" + "\n".join(problems)


def test_images_of_any_size_are_refused_where_there_are_none(zoo, exformer, tmp_path):
    for name, program_name, code in (("bert_Model", "all", 1), ("vit_ForMaskedImageModeling", "image", 3)):
        program = load_program(zoo, name, program_name)
        done = exformer("export", program.checkpoint, "--to", "dynamo", "-o", tmp_path / "out", "--frontend", "native",
                        "--set", "interpolate_pos_encoding=true")
        assert done.returncode == code and "interpolate_pos_encoding" in done.stderr
        assert not (tmp_path / "out").exists()
