"""The transformers front end: architectures that are not built in, exported without torch and compared with
transformers at the export's shapes and at others, batch 1 included.

EXFORMER_FRONTEND_PYTHON   the Python of the child (default: the one that runs this test; its torch is hidden from it)
"""

import json
import os
import sys

import pytest
from architectures import ARCHITECTURES, build, make_inputs
from safetensors.torch import save_file

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)
SHAPES = [(2, 7), (3, 11), (1, 5)]  # batch and length; the first is the export's
TOLERANCE = 2e-4


@pytest.fixture(scope="module")
def transformers():
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    return transformers


def save(path, tensors):
    save_file(tensors, path, metadata={"order": json.dumps(list(tensors))})


def export(exformer, checkpoint, to, out, inputs, *more):
    return exformer("export", checkpoint, "--to", to, "--dynamic", "--frontend", "transformers", "--python", CHILD,
                    "--inputs", inputs, "-o", out, "--json", *more, timeout=300)


def problems(architecture, model, directory, tolerance=TOLERANCE):
    """What the foreign loader's outputs differ in from the model's own, over all shapes."""
    import compare
    import torch
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    exported, found = ExportedModel.from_pretrained(directory), []
    for number, (batch, length) in enumerate(SHAPES):
        inputs = make_inputs(architecture, model.config, batch, length, number)
        with torch.no_grad():
            expected = get_leaf_tensors(model(**inputs))
        outputs = get_leaf_tensors(exported(**inputs))
        for name, value in expected.items():
            if compare.NOT_COMPARED.search(name):
                continue
            if name not in outputs:
                found.append(f"[{batch}, {length}] {name} is missing")
                continue
            got = compare.same_window(outputs[name], value, name)
            if got.shape != value.shape or not compare.relative_error(got, value) <= tolerance:
                found.append(f"[{batch}, {length}] {name}: sizes {tuple(got.shape)}, expected {tuple(value.shape)}")
    return found


CASES = [(a, to) for a in ARCHITECTURES for to in ("dynamo", "onnx") if to == "dynamo" or a.onnx]


@pytest.mark.parametrize("architecture, to", CASES, ids=[f"{a.model_type}-{to}" for a, to in CASES])
def test_matches_transformers(architecture, to, transformers, traced, tmp_path):
    model = build(architecture)
    model.save_pretrained(tmp_path / "checkpoint")
    save(tmp_path / "inputs.safetensors", make_inputs(architecture, model.config, *SHAPES[0], 0))
    traced(tmp_path / "checkpoint", to, tmp_path / "out", tmp_path / "inputs.safetensors")
    assert problems(architecture, model, tmp_path / "out") == []


def test_experts_in_bfloat16(transformers, exformer, tmp_path):
    """Transformers has another way of multiplying by groups for this dtype."""
    import torch

    architecture = next(a for a in ARCHITECTURES if a.model_type == "mixtral")
    model = build(architecture).to(torch.bfloat16)
    model.save_pretrained(tmp_path / "checkpoint")
    save(tmp_path / "inputs.safetensors", make_inputs(architecture, model.config, *SHAPES[0], 0))
    done = export(exformer, tmp_path / "checkpoint", "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dtype"] == "bfloat16"
    assert problems(architecture, model, tmp_path / "out", tolerance=0.05) == []


@pytest.fixture
def gpt2(transformers, tmp_path):
    architecture = next(a for a in ARCHITECTURES if a.model_type == "gpt2")
    model = build(architecture)
    model.save_pretrained(tmp_path / "gpt2")
    save(tmp_path / "inputs.safetensors", make_inputs(architecture, model.config, *SHAPES[0], 0))
    return tmp_path / "gpt2"


def left_behind(directory):
    return sorted(path.name for path in directory.iterdir() if "out" in path.name or path.name.startswith("."))


def test_auto_takes_it_where_the_zoo_has_no_family(gpt2, exformer, tmp_path):
    done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--python", CHILD, "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frontend"] == "transformers"
    assert exformer("run", tmp_path / "out", "--inputs", tmp_path / "inputs.safetensors", "-o",
                    tmp_path / "result.safetensors").returncode == 1  # static: made for two sequences of eight tokens


def test_native_refuses_it(gpt2, exformer, tmp_path):
    done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--frontend", "native")
    assert done.returncode == 3 and "gpt2" in done.stderr
    assert left_behind(tmp_path) == []


def test_the_same_bytes_twice(gpt2, exformer, tmp_path):
    for name in ("a", "b"):
        assert export(exformer, gpt2, "onnx", tmp_path / name, tmp_path / "inputs.safetensors").returncode == 0
    for file in ("model.onnx", "model.onnx.data", "export.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_missing_weights_are_named(gpt2, exformer, tmp_path):
    from safetensors.torch import load_file

    tensors = load_file(gpt2 / "model.safetensors")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, gpt2 / "model.safetensors", metadata={"format": "pt"})
    done = export(exformer, gpt2, "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors")
    assert done.returncode == 1 and "transformer.h.1.mlp.c_fc.weight (allow_missing=true" in done.stderr
    assert left_behind(tmp_path) == []


SMALL = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 48,
         "max_position_embeddings": 64, "pad_token_id": 1, "image_size": 32, "patch_size": 8, "encoder_stride": 8}
TASKS = {"feature-extraction": "RobertaModel", "text-generation": "RobertaForCausalLM",
         "fill-mask": "RobertaForMaskedLM", "text-classification": "RobertaForSequenceClassification",
         "question-answering": "RobertaForQuestionAnswering",
         "token-classification": "RobertaForTokenClassification", "multiple-choice": "RobertaForMultipleChoice",
         "next-sentence-prediction": "BertForNextSentencePrediction", "pretraining": "BertForPreTraining",
         "image-classification": "ViTForImageClassification", "masked-image-modeling": "ViTForMaskedImageModeling"}


def inputs_of(task):
    import torch

    if task == "image-classification":
        return {"pixel_values": torch.zeros(2, 3, 32, 32)}
    if task == "masked-image-modeling":
        return {"pixel_values": torch.zeros(2, 3, 32, 32), "bool_masked_pos": torch.ones(2, 16, dtype=torch.bool)}
    sizes = (2, 3, 7) if task == "multiple-choice" else (2, 7)
    return {"input_ids": torch.full(sizes, 5), "attention_mask": torch.ones(sizes, dtype=torch.int64)}


def save_with_unknown_head(folder, class_):
    class_(class_.config_class(**SMALL)).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["RobertaLMHead"]}))


@pytest.mark.parametrize("task", TASKS)
def test_every_task(task, transformers, traced, tmp_path):
    """Another class than the one that the config names."""
    save_with_unknown_head(tmp_path / "checkpoint", getattr(transformers, TASKS[task]))
    save(tmp_path / "inputs.safetensors", inputs_of(task))
    traced(tmp_path / "checkpoint", "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors", task=task)
    manifest = json.loads((tmp_path / "out" / "export.json").read_text())
    assert manifest["components"]["model"]["metadata"]["architecture"] == TASKS[task]


def test_a_head_that_nobody_knows(transformers, exformer, tmp_path):
    save_with_unknown_head(tmp_path / "checkpoint", transformers.RobertaForMaskedLM)
    save(tmp_path / "inputs.safetensors", inputs_of("fill-mask"))
    common = exformer, tmp_path / "checkpoint", "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors"
    done = export(*common, "--task", "fill-mask")
    assert done.returncode == 0 and json.loads(done.stdout)["architecture"] == "RobertaForMaskedLM", done.stderr
    done = export(*common)
    assert done.returncode == 3 and "RobertaLMHead" in done.stderr and "--task" in done.stderr, done.stderr


def test_tasks_are_those_of_the_program(exformer):
    listed = json.loads(exformer("list", "--families", "--json").stdout)["families"]
    assert {task for classes in listed.values() for task in classes.values()} == set(TASKS)


def test_a_task_that_the_family_does_not_have(gpt2, exformer, tmp_path):
    done = export(exformer, gpt2, "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors", "--task", "fill-mask")
    assert done.returncode == 3 and "'gpt2'" in done.stderr and "text-generation" in done.stderr, done.stderr


def test_surplus_weights_are_named(gpt2, exformer, tmp_path):
    """A layer too many is another model; a head that the class does not have is left out, as transformers does."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(gpt2 / "model.safetensors")
    save_file({**tensors, "score.weight": torch.zeros(3)}, gpt2 / "model.safetensors", metadata={"format": "pt"})
    common = (exformer, gpt2, "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors")
    assert export(*common).returncode == 0
    save_file({**tensors, "transformer.h.9.ln_1.weight": torch.zeros(3)}, gpt2 / "model.safetensors",
              metadata={"format": "pt"})
    done = export(*common)
    assert done.returncode == 1 and "transformer.h.9.ln_1.weight (allow_surplus=true" in done.stderr, done.stderr
    assert export(*common, "--set", "allow_surplus=true").returncode == 0


@pytest.mark.parametrize("python, words, code", [
    ("/does/not/exist", "no program", 1),
    ("/bin/true", "ended with code 0", 1),
    ("/bin/false", "ended with code 1", 1),
])
def test_a_child_that_is_no_python(python, words, code, gpt2, exformer, tmp_path):
    done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--frontend", "transformers", "--python",
                    python)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert left_behind(tmp_path) == []


def test_a_child_that_hangs_is_ended(gpt2, exformer, tmp_path):
    script = tmp_path / "hang.sh"
    script.write_text("#!/bin/sh\necho still thinking >&2\nsleep 600\n")
    script.chmod(0o755)
    done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--frontend", "transformers", "--python",
                    script, "--time-limit", "1")
    assert done.returncode == 1 and "1 s" in done.stderr and "still thinking" in done.stderr
    assert left_behind(tmp_path) == []


def test_a_config_that_transformers_refuses(gpt2, exformer, tmp_path):
    config = json.loads((gpt2 / "config.json").read_text())
    (gpt2 / "config.json").write_text(json.dumps({**config, "n_head": "many"}))
    done = export(exformer, gpt2, "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors")
    assert done.returncode in (1, 3) and done.stderr.strip()
    assert "Traceback" not in done.stderr and left_behind(tmp_path) == []


def test_remote_code_runs_only_when_trusted(gpt2, exformer, tmp_path):
    config = json.loads((gpt2 / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
    (gpt2 / "config.json").write_text(json.dumps(config))
    (gpt2 / "own.py").write_text("raise SystemExit('remote code ran')\n")
    for frontend in ("auto", "native", "transformers"):
        done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--python", CHILD, "--frontend",
                        frontend, timeout=300)
        assert done.returncode == 3 and "own.py" in done.stderr and "--trust-remote-code" in done.stderr, done.stderr
    done = exformer("inspect", gpt2)
    assert done.returncode == 3 and "own.py" in done.stderr
    done = exformer("export", gpt2, "--to", "dynamo", "-o", tmp_path / "out", "--frontend", "native",
                    "--trust-remote-code")
    assert done.returncode == 3 and "own.py" in done.stderr and "--frontend auto" in done.stderr, done.stderr
    assert left_behind(tmp_path) == []


OWN_MODEL = """
import torch
from transformers import PreTrainedModel, PretrainedConfig


class OwnConfig(PretrainedConfig):
    model_type = "own"


class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    main_input_name = "input_ids"

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(64, 8)
        self.post_init()

    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        if input_ids.max() < 50:  # decided by data
            hidden = hidden * 2
        chosen = hidden[input_ids > 3]  # as many rows as data say
        length = input_ids.shape[1]
        if length % 4 != 0:  # whole blocks
            hidden = torch.nn.functional.pad(hidden, (0, 0, 0, 4 - length % 4))
        blocks = hidden.view(hidden.shape[0], -1, 4, 8).sum(2)
        return {"mean": chosen.mean(0), "blocks": blocks}
"""


NUMBERS_MODEL = """
    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        return {"hidden": hidden, "layers": 3, "length": input_ids.shape[1], "mean": hidden.mean(1)}
"""


def own_checkpoint(folder, code):
    """A checkpoint whose code lies beside it, and the weight of its embedding."""
    import torch

    folder.mkdir()
    (folder / "own.py").write_text(code)
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({"model_type": "own", "architectures": ["OwnModel"],
                                                    "auto_map": auto_map}))
    weight = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    save_file({"embed.weight": weight}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder, weight


@pytest.mark.parametrize("to", ["onnx", "executorch"])
def test_numbers_among_the_results_keep_their_places(to, transformers, exformer, tmp_path):
    """One that every call gives and one that is a size, between tensors."""
    import torch
    from transformers.exporters import ExportedModel

    code = OWN_MODEL[:OWN_MODEL.index("    def forward")] + NUMBERS_MODEL
    checkpoint, weight = own_checkpoint(tmp_path / "own", code)
    save(tmp_path / "inputs.safetensors", {"input_ids": torch.arange(14).reshape(2, 7)})
    done = export(exformer, checkpoint, to, tmp_path / "out", tmp_path / "inputs.safetensors", "--trust-remote-code")
    assert done.returncode == 0, done.stderr
    exported = ExportedModel.from_pretrained(tmp_path / "out", trust_remote_code=True)
    for batch, length in ((3, 5), (1, 9)):
        ids = torch.arange(batch * length).reshape(batch, length)
        outputs = exported(input_ids=ids)
        wanted = torch.nn.functional.embedding(ids, weight)
        torch.testing.assert_close(outputs["hidden"], wanted)
        torch.testing.assert_close(outputs["mean"], wanted.mean(1))
        assert outputs["layers"] == 3 and int(outputs["length"]) == length


@pytest.mark.parametrize("length", [7, 8])
def test_what_data_decide_is_checked_in_every_run(length, transformers, exformer, tmp_path):
    """And the sample's length, a multiple of a block or not, allows every other one."""
    import torch

    checkpoint, weight = own_checkpoint(tmp_path / "own", OWN_MODEL)
    save(tmp_path / "inputs.safetensors", {"input_ids": torch.arange(2 * length).reshape(2, length)})
    done = export(exformer, checkpoint, "dynamo", tmp_path / "out", tmp_path / "inputs.safetensors",
                  "--trust-remote-code")
    assert done.returncode == 0, done.stderr
    module = torch.export.load(tmp_path / "out" / "model.pt2").module()
    for size in (5, 8, 9, 12):
        ids = torch.arange(3 * size).reshape(3, size) % 49
        wanted = torch.nn.functional.embedding(ids, weight) * 2
        outputs = module(input_ids=ids)
        torch.testing.assert_close(outputs["mean"], wanted[ids > 3].mean(0))
        padded = torch.nn.functional.pad(wanted, (0, 0, 0, -size % 4))
        torch.testing.assert_close(outputs["blocks"], padded.view(3, -1, 4, 8).sum(2))
    with pytest.raises(Exception, match="as in the sample"):
        module(input_ids=torch.full((1, 5), 60))
    # ONNX without checks: the export says what it rests on.
    done = export(exformer, checkpoint, "onnx", tmp_path / "onnx", tmp_path / "inputs.safetensors",
                  "--trust-remote-code", "--allow-unchecked")
    assert done.returncode == 0, done.stderr
    assert "as in the sample" in " ".join(json.loads(done.stdout)["assumptions"])


PAIRING_MODEL = """
    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        width, length = hidden.shape[2], hidden.shape[1]
        if (length % 2 == 1) or (width % 2 == 1):
            hidden = torch.nn.functional.pad(hidden, (0, width % 2, 0, length % 2))
        return {"pairs": hidden[:, 0::2] * 2 + hidden[:, 1::2]}
"""


@pytest.mark.parametrize("to", ["dynamo", "onnx"])
@pytest.mark.parametrize("length", [7, 8])
def test_what_makes_sizes_even_pads_by_nothing_too(length, to, transformers, exformer, tmp_path):
    import torch
    from transformers.exporters import ExportedModel

    code = OWN_MODEL[:OWN_MODEL.index("    def forward")] + PAIRING_MODEL
    checkpoint, weight = own_checkpoint(tmp_path / "own", code)
    save(tmp_path / "inputs.safetensors", {"input_ids": torch.arange(2 * length).reshape(2, length)})
    done = export(exformer, checkpoint, to, tmp_path / "out", tmp_path / "inputs.safetensors", "--trust-remote-code")
    assert done.returncode == 0, done.stderr
    exported = ExportedModel.from_pretrained(tmp_path / "out", trust_remote_code=True)
    for size in (5, 8, 9, 12, 1):
        ids = torch.arange(3 * size).reshape(3, size)
        wanted = torch.nn.functional.pad(torch.nn.functional.embedding(ids, weight), (0, 0, 0, size % 2))
        torch.testing.assert_close(exported(input_ids=ids)["pairs"], wanted[:, 0::2] * 2 + wanted[:, 1::2])


STATE_MODEL = """
        self.mix = torch.nn.Linear(8, 8, bias=False)
        self.register_buffer("seen", torch.zeros(8))
        self.register_buffer("turns", torch.zeros((), dtype=torch.int64))
        self.post_init()

    def forward(self, input_ids):
        before = self.seen
        mixed = self.mix(self.embed(input_ids) + self.seen)
        self.seen = self.seen * 0.5 + mixed.mean((0, 1))
        self.turns += 1
        return {"mixed": mixed, "before": before, "after": self.seen, "turns": self.turns + 0}
"""


@pytest.mark.parametrize("options", ["backend=portable", "backend=xnnpack", "external_data=true"])
def test_buffers_that_a_run_writes_are_there_in_the_next(options, transformers, exformer, tmp_path):
    import torch
    from executorch.extension.pybindings import portable_lib

    code = OWN_MODEL[:OWN_MODEL.index("        self.post_init()")] + STATE_MODEL
    checkpoint, weight = own_checkpoint(tmp_path / "own", code)
    generator = torch.Generator().manual_seed(1)
    mix, seen = torch.randn(8, 8, generator=generator), torch.randn(8, generator=generator)
    save_file({"embed.weight": weight, "mix.weight": mix, "seen": seen, "turns": torch.tensor(3)},
              checkpoint / "model.safetensors", metadata={"format": "pt"})
    save(tmp_path / "inputs.safetensors", {"input_ids": torch.arange(14).reshape(2, 7)})
    done = export(exformer, checkpoint, "executorch", tmp_path / "out", tmp_path / "inputs.safetensors",
                  "--trust-remote-code", "--set", options)
    assert done.returncode == 0, done.stderr
    files = [str(tmp_path / "out" / name) for name in ("model.pte", "model.ptd") if (tmp_path / "out" / name).exists()]
    program = portable_lib._load_for_executorch(*files)
    for turn, (batch, length) in enumerate(((2, 7), (3, 5), (1, 1), (1, 9))):
        ids = torch.arange(batch * length).reshape(batch, length)
        outputs = dict(zip(("mixed", "before", "after", "turns"), program.forward([ids])))
        mixed = torch.nn.functional.linear(torch.nn.functional.embedding(ids, weight) + seen, mix)
        torch.testing.assert_close(outputs["before"], seen)
        seen = seen * 0.5 + mixed.mean((0, 1))
        torch.testing.assert_close(outputs["mixed"], mixed, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(outputs["after"], seen, rtol=1e-4, atol=1e-4)
        assert int(outputs["turns"]) == 4 + turn

    done = export(exformer, checkpoint, "executorch", tmp_path / "without", tmp_path / "inputs.safetensors",
                  "--trust-remote-code", "--set", "alloc_mutable_buffers=false")
    assert done.returncode == 3 and "'seen'" in done.stdout
    done = export(exformer, checkpoint, "onnx", tmp_path / "onnx", tmp_path / "inputs.safetensors",
                  "--trust-remote-code")
    assert done.returncode == 3 and "'seen'" in done.stdout


WRITING_MODEL = """
    def forward(self, input_ids, running):
        hidden = self.embed(input_ids)
        before = running + 0
        running.copy_(running * 0.5 + hidden.sum(1))
        return {"hidden": hidden + running[:, None], "before": before}
"""


def test_inputs_that_a_run_writes_are_the_callers(transformers, exformer, tmp_path):
    import torch
    from executorch.extension.pybindings import portable_lib

    code = OWN_MODEL[:OWN_MODEL.index("    def forward")] + WRITING_MODEL
    checkpoint, weight = own_checkpoint(tmp_path / "own", code)
    save(tmp_path / "inputs.safetensors", {"input_ids": torch.arange(14).reshape(2, 7), "running": torch.zeros(2, 8)})
    common = (exformer, checkpoint, "executorch", tmp_path / "out", tmp_path / "inputs.safetensors",
              "--trust-remote-code", "--set", "backend=portable")
    done = export(*common)
    assert done.returncode == 3 and "alloc_graph_input=false" in done.stdout
    done = export(*common, "--set", "alloc_graph_input=false")
    assert done.returncode == 0, done.stderr
    program = portable_lib._load_for_executorch(str(tmp_path / "out" / "model.pte"))
    running = torch.randn(3, 8)
    for length in (7, 2):
        ids = torch.arange(3 * length).reshape(3, length)
        before, embedded = running.clone(), torch.nn.functional.embedding(ids, weight)
        outputs = program.forward([ids, running])
        torch.testing.assert_close(outputs[1], before)
        torch.testing.assert_close(running, before * 0.5 + embedded.sum(1))
        torch.testing.assert_close(outputs[0], embedded + running[:, None])


@pytest.fixture
def package(exformer, monkeypatch):
    """The Python package of the build, in a process that holds the real torch."""
    import importlib

    monkeypatch.syspath_prepend(str(exformer.path.parent / "python"))
    return importlib.import_module("exformer")


def test_the_python_exporters_leave_torch_alone(package, gpt2, tmp_path):
    import torch

    inputs = {"input_ids": torch.ones(2, 7, dtype=torch.int64)}
    shapes = {"input_ids": {0: package.Dim("batch", 1, 8), 1: package.Dim.AUTO}}
    exported = package.OnnxExporter().export(gpt2, inputs, package.OnnxConfig(dynamic_shapes=shapes), python=CHILD)
    exported.save_pretrained(tmp_path / "out")
    assert {"export.json", "config.json", "model.onnx", "model.onnx.data"} <= set(os.listdir(tmp_path / "out"))
    assert sys.modules["torch"] is torch


def test_the_python_exporters_give_programs(package, gpt2, tmp_path):
    """`.pt2` and `.onnx` run in module(), a `.pte` in ExecuTorch's runtime, for which 16-bit weights are widened."""
    import torch
    from executorch.runtime import Runtime
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(gpt2).to(torch.bfloat16).eval()
    model.save_pretrained(tmp_path / "bf16")
    ids = torch.arange(12).reshape(3, 4)
    with torch.no_grad():
        wanted = model.float()(ids, use_cache=False).logits
    sample = {"input_ids": torch.ones(2, 7, dtype=torch.int64), "use_cache": False}
    for fields in ({"export_format": "dynamo"}, {"export_format": "onnx", "output_path": tmp_path / "one.onnx"},
                   {"export_format": "executorch", "max_batch": 4, "max_length": 16}):
        config = package.AutoExportConfig.from_dict({**fields, "dynamic": True})
        exporter = package.AutoHfExporter.from_config(config)
        exported = exporter.export(tmp_path / "bf16", sample, config, python=CHILD, dtype=None if isinstance(
            config, package.ExecutorchConfig) else "float32")
        if isinstance(config, package.ExecutorchConfig):
            exported.write_to_file(tmp_path / "program.pte")
            method = Runtime.get().load_program(tmp_path / "program.pte").load_method("forward")
            assert method.metadata.input_tensor_meta(0).sizes() == (4, 16)
            logits = method.execute([ids])[0]
        else:
            logits = torch.from_numpy(exported.module()(input_ids=ids)["logits"])
        torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4)
    assert (tmp_path / "one.onnx").exists() and (tmp_path / "one.onnx_data").exists()
    with pytest.raises(package.UnsupportedError, match="no bfloat16"):
        package.ExecutorchExporter().export(tmp_path / "bf16", sample, python=CHILD, dtype="bfloat16")
    with pytest.raises(package.UnsupportedError, match="backend 'cuda'"):
        package.ExecutorchExporter().export(gpt2, sample, package.ExecutorchConfig(backend="cuda"), python=CHILD)
    with pytest.raises(ValueError, match="export_format"):
        package.AutoExportConfig.from_dict({"dynamic": True})


def test_the_python_exporters_raise(package, gpt2):
    import torch

    ones = torch.ones(2, 7, dtype=torch.int64)
    shapes = {"input_ids": {0: package.Dim("batch", 5, 8)}}
    with pytest.raises(package.ExportError, match="'batch' allows"):
        package.DynamoExporter().export(gpt2, {"input_ids": ones}, package.DynamoConfig(dynamic_shapes=shapes),
                                        python=CHILD)
    with pytest.raises(package.ExportError, match="neither a checkpoint"):
        package.DynamoExporter().export(torch.nn.Linear(2, 2))


def test_a_model_in_memory(package, gpt2, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    architecture = next(a for a in ARCHITECTURES if a.model_type == "gpt2")
    model = AutoModelForCausalLM.from_pretrained(gpt2).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(2)  # not what the disk has
    inputs = make_inputs(architecture, model.config, *SHAPES[0], 0)
    exported = package.DynamoExporter().export(model, inputs, package.DynamoConfig(dynamic=True), python=CHILD)
    exported.save_pretrained(tmp_path / "out")
    assert problems(architecture, model, tmp_path / "out") == []
