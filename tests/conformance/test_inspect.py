"""`exformer inspect`: what it says of checkpoints, files and exports is true, and the drawing is a readable SVG."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import load_program
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.usefixtures("no_reference")


@pytest.fixture
def inspect(exformer):
    def run(target, *arguments):
        done = exformer("inspect", target, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def checkpoint_of(zoo, row, program="prefill"):
    return load_program(zoo, row, program).checkpoint


@pytest.fixture
def copied(zoo, tmp_path):
    """A checkpoint to spoil, and its weights."""
    target = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_of(zoo, "llama_ForCausalLM"), target)
    return target, load_file(target / "model.safetensors")


@pytest.mark.parametrize("row, kwargs", [("llama_ForCausalLM", "prefill"), ("qwen3_tied", "prefill"),
                                         ("bert_ForMaskedLM", "types"), ("vit_ForImageClassification", "image")])
def test_parameters_are_counted_as_transformers_does(inspect, zoo, row, kwargs):
    import transformers
    target = load_program(zoo, row, kwargs)
    facts = inspect(target.checkpoint)
    model = getattr(transformers, target.architecture).from_pretrained(target.checkpoint)
    assert facts["architecture"] == target.architecture
    assert facts["parameters"]["elements"] == model.num_parameters()
    assert facts["parameters"]["bytes"] == 4 * model.num_parameters()
    for key in ("missing", "of_another_shape", "not_wanted"):
        assert facts["weights"][key] == []
    assert facts["config"]["unknown_keys"] == {}


def test_checkpoint_says_what_it_would_export(inspect, zoo):
    facts = inspect(checkpoint_of(zoo, "llama_ForCausalLM"))["export"]
    assert facts["inputs"][0] == {"name": "input_ids", "dtype": "int64", "shape": ["batch", "sequence"]}
    assert {"name": "logits", "dtype": "float32", "shape": ["batch", "sequence", 128]} in facts["outputs"]
    assert [symbol["name"] for symbol in facts["symbols"]] == ["batch", "sequence"]
    assert facts["fixed"] == []
    assert sum(facts["ops"].values()) == facts["nodes"] > 50


def test_fixed_sizes_have_reasons(inspect, zoo):
    fixed = inspect(checkpoint_of(zoo, "vit_ForImageClassification", "image"))["export"]["fixed"]
    assert [(size["input"], size["axis"], size["size"]) for size in fixed] == [
        ("pixel_values", 1, 3), ("pixel_values", 2, 32), ("pixel_values", 3, 32)]
    assert "image_size" in fixed[1]["reason"]


def test_unknown_keys_and_tensors_are_listed(inspect, copied):
    checkpoint, tensors = copied
    path = checkpoint / "config.json"
    config = json.loads(path.read_text()) | {"made_up_option": 3, "attention_dropout": 0.5, "is_encoder_decoder": False}
    path.write_text(json.dumps(config))
    tensors["model.layers.0.extra.weight"] = tensors["model.norm.weight"].clone()
    tensors["model.layers.1.mlp.up_proj.weight"] = tensors["model.layers.1.mlp.up_proj.weight"][:5].contiguous()
    del tensors["model.norm.weight"]
    save_file(tensors, checkpoint / "model.safetensors")
    facts = inspect(checkpoint)
    assert facts["config"]["unknown_keys"] == {"made_up_option": 3}
    assert facts["weights"]["missing"] == ["model.norm.weight"]
    assert facts["weights"]["not_wanted"] == ["model.layers.0.extra.weight"]
    assert len(facts["weights"]["of_another_shape"]) == 1
    assert "model.layers.1.mlp.up_proj.weight" in facts["weights"]["of_another_shape"][0]


def test_a_trace_that_fails_is_a_fact(inspect, zoo, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_of(zoo, "vit_ForImageClassification", "image"), checkpoint)
    config = json.loads((checkpoint / "config.json").read_text())
    config |= {"architectures": ["ViTForMaskedImageModeling"], "image_size": [32, 48]}
    (checkpoint / "config.json").write_text(json.dumps(config))
    assert "square" in inspect(checkpoint)["export"]["error"]


def test_safetensors_file(inspect, tmp_path):
    import torch
    path = tmp_path / "some.safetensors"
    save_file({"a": torch.ones(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})
    facts = inspect(path)
    assert facts["tensors"] == [{"name": "a", "dtype": "float32", "shape": [2, 3], "bytes": 24},
                                {"name": "b", "dtype": "bfloat16", "shape": [4], "bytes": 8}]
    assert facts["metadata"] == {"format": "pt"} and facts["bytes"] == 32 and facts["elements"] == 10


def test_pt2_of_torch(inspect, tmp_path):
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4) for _ in range(2)])

        def forward(self, x):
            for layer in self.layers:
                x = torch.relu(layer(x))
            return {"y": x}

    dim = torch.export.Dim("rows", min=2, max=64)
    torch.export.save(torch.export.export(Model(), (torch.ones(3, 4),), dynamic_shapes=({0: dim},)), tmp_path / "m.pt2")
    facts = inspect(tmp_path / "m.pt2", "--graph", tmp_path / "m.svg")
    assert facts["ops"] == {"aten::linear": 2, "aten::relu": 2}
    assert facts["weights"] == {"tensors": 4, "bytes": 4 * (2 * 16 + 2 * 4)}
    assert len(facts["symbols"]) == 1 and facts["symbols"][0]["max"] == 64
    assert facts["outputs"][0]["shape"] == [facts["symbols"][0]["name"], 4]
    assert {"layers.0", "layers.1"} <= set(titles(tmp_path / "m.svg"))


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_export_directory_and_its_file(exformer, inspect, zoo, tmp_path, target):
    program = load_program(zoo, "vit_ForImageClassification", "image")
    out = tmp_path / "out"
    exformer.export(program.checkpoint, target, out, program.sample)
    facts = inspect(out)
    component = facts["components"][0]
    assert facts["format"] == target and component["name"] == "model"
    assert component["bytes"] == (out / component["file"]).stat().st_size
    assert component["specializations"][0]["input"] == "pixel_values"
    alone = inspect(out / component["file"])
    assert alone["file_bytes"] == component["bytes"]
    if target == "onnx":
        assert alone["sidecars"][0]["file"] == "model.onnx.data"


def titles(svg):
    root = ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("font-weight") == "bold"]


def test_graph_has_a_box_for_each_layer_input_and_output(inspect, zoo, tmp_path):
    inspect(checkpoint_of(zoo, "llama_three_layers_eps"), "--graph", tmp_path / "graph.svg")
    drawn = titles(tmp_path / "graph.svg")
    assert len(drawn) == len(set(drawn))
    assert {"input_ids", "attention_mask", "model.embed_tokens", "model.norm", "lm_head", "logits",
            *(f"model.layers.{i}" for i in range(3))} <= set(drawn)


def test_graph_of_a_deep_model_folds_equal_layers(inspect, zoo, tmp_path):
    checkpoint = tmp_path / "deep"
    shutil.copytree(checkpoint_of(zoo, "llama_ForCausalLM"), checkpoint)
    config = json.loads((checkpoint / "config.json").read_text()) | {"num_hidden_layers": 90}
    (checkpoint / "config.json").write_text(json.dumps(config))
    facts = inspect(checkpoint, "--graph", tmp_path / "graph.svg")
    assert len(facts["weights"]["missing"]) == 88 * 9
    assert "model.layers.0 to 89 (90 layers alike)" in titles(tmp_path / "graph.svg")


def test_boxes_do_not_overlap(inspect, zoo, tmp_path):
    inspect(checkpoint_of(zoo, "bert_Model"), "--graph", tmp_path / "graph.svg")
    root = ElementTree.parse(tmp_path / "graph.svg").getroot()
    boxes = [[float(box.get(name)) for name in ("x", "y", "width", "height")]
             for box in root.iter("{http://www.w3.org/2000/svg}rect") if box.get("rx")]
    assert len(boxes) > 5
    for i, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[i + 1:]:
            beside = x + width <= other_x or other_x + other_width <= x
            assert beside or y + height <= other_y or other_y + other_height <= y


@pytest.mark.parametrize("name, content, code, message", [
    ("cut.safetensors", b"\x10\x00", 1, "cut.safetensors"),
    ("cut.pt2", b"PK", 1, "cut.pt2"),
    ("text.txt", b"hello", 1, "neither a directory"),
    ("program.pte", b"hello, I am no program", 1, "ExecuTorch"),
])
def test_other_files_are_refused(exformer, tmp_path, name, content, code, message):
    (tmp_path / name).write_bytes(content)
    done = exformer("inspect", tmp_path / name)
    assert done.returncode == code and message in done.stderr


def test_graph_of_something_without_one_is_refused(exformer, zoo, tmp_path):
    weights = checkpoint_of(zoo, "llama_ForCausalLM") / "model.safetensors"
    done = exformer("inspect", weights, "--graph", tmp_path / "x.svg")
    assert done.returncode == 3 and "--graph" in done.stderr
    assert not (tmp_path / "x.svg").exists()


def test_text_names_what_it_is(exformer, zoo):
    done = exformer("inspect", checkpoint_of(zoo, "bert_ForMaskedLM", "types"))
    assert done.returncode == 0
    for words in ("BertForMaskedLM", "fill-mask", "float32", "input_ids", "[batch, sequence]", "1 to 64"):
        assert words in done.stdout
