"""Code of a checkpoint's own: it goes along with the export, and comes from another repository where auto_map says."""

import json
import os
import sys

import pytest
from hub_server import Hub
from test_hub import environment

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)
CONFIG = """
from transformers import PretrainedConfig

from .own_sizes import WIDTH


class OwnConfig(PretrainedConfig):
    model_type = "own"
    width = WIDTH
"""
MODEL = """
import torch
from transformers import PreTrainedModel

from .own_config import OwnConfig


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(64, config.width)
        self.post_init()

    def forward(self, input_ids):
        return {"doubled": self.embed(input_ids) * 2}
"""
CODE = {"own_config.py": CONFIG, "own_model.py": MODEL, "own_sizes.py": "WIDTH = 8\n"}
AUTO_MAP = {"AutoConfig": "own_config.OwnConfig", "AutoModel": "own_model.OwnModel",
            "AutoTokenizer": ["own_tokenizer.OwnTokenizer", None]}


def own_checkpoint(folder, prefix="", **config):
    """Its embedding."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    auto_map = {key: prefix + value if isinstance(value, str) else value for key, value in AUTO_MAP.items()}
    config = {"model_type": "own", "architectures": ["OwnModel"], "auto_map": auto_map, **config}
    (folder / "config.json").write_text(json.dumps(config))
    if not prefix:
        for name, text in CODE.items():
            (folder / name).write_text(text)
    weight = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    save_file({"embed.weight": weight}, folder / "model.safetensors", metadata={"format": "pt"})
    save_file({"input_ids": torch.arange(14).reshape(2, 7)}, folder.parent / "inputs.safetensors")
    return weight


def export(exformer, checkpoint, to, out, *more, env=None):
    return exformer("export", checkpoint, "--to", to, "--dynamic", "--python", CHILD, "--inputs",
                    out.parent / "inputs.safetensors", "-o", out, "--trust-remote-code", *more, env=env, timeout=300)


def assert_right(out, weight):
    import torch
    from transformers.exporters import ExportedModel

    exported = ExportedModel.from_pretrained(out, trust_remote_code=True)
    assert exported.config.width == 8
    for batch, length in ((3, 5), (1, 9)):
        ids = torch.arange(batch * length).reshape(batch, length)
        torch.testing.assert_close(exported(input_ids=ids)["doubled"], torch.nn.functional.embedding(ids, weight) * 2)


@pytest.mark.parametrize("to", ["dynamo", "onnx", "executorch"])
def test_the_export_has_the_code(to, exformer, tmp_path):
    """The loader of transformers finds the config's class beside the program, and what it imports."""
    weight = own_checkpoint(tmp_path / "own")
    done = export(exformer, tmp_path / "own", to, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for name, text in CODE.items():
        assert (tmp_path / "out" / name).read_text() == text
    assert (tmp_path / "out" / "config.json").read_bytes() == (tmp_path / "own" / "config.json").read_bytes()
    assert_right(tmp_path / "out", weight)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    return tmp_path / "home"


def test_code_of_another_repository(exformer, home, tmp_path):
    """It is downloaded like weights, kept in the cache, and becomes a part of the export."""
    weight = own_checkpoint(tmp_path / "own", "someone/code--")
    code = {name: text.encode() for name, text in CODE.items()}
    done = export(exformer, tmp_path / "own", "onnx", tmp_path / "none", env=environment(home, offline=True))
    assert done.returncode == 1 and "someone/code" in done.stderr and "HF_HUB_OFFLINE" in done.stderr, done.stderr
    with Hub({"someone/code": code}) as hub:
        done = export(exformer, tmp_path / "own", "onnx", tmp_path / "out", env=environment(home, hub))
        assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["auto_map"]["AutoConfig"] == "own_config.OwnConfig"
    assert_right(tmp_path / "out", weight)
    done = export(exformer, tmp_path / "own", "onnx", tmp_path / "again", env=environment(home, offline=True))
    assert done.returncode == 0, done.stderr


def test_code_beside_weights_on_the_hub(exformer, home, tmp_path):
    weight = own_checkpoint(tmp_path / "own")
    files = {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()}
    with Hub({"someone/own": files}) as hub:
        done = exformer("export", "someone/own", "--to", "onnx", "-o", tmp_path / "out", env=environment(home, hub))
        assert done.returncode == 3 and "own_model.py" in done.stderr, done.stderr
        assert not any(path.endswith(".py") for _, path, _ in hub.requests)
        done = export(exformer, "someone/own", "onnx", tmp_path / "out", env=environment(home, hub))
        assert done.returncode == 0, done.stderr
    assert_right(tmp_path / "out", weight)


@pytest.mark.parametrize("auto_map, code", [({"AutoTokenizer": ["own_tokenizer.OwnTokenizer", None]}, 0),
                                            ({"AutoProcessor": "own_processor.OwnProcessor"}, 0),
                                            ({"AutoConfig": "own_config.OwnConfig"}, 3), (None, 0)])
def test_which_code_counts(auto_map, code, exformer, zoo, tmp_path):
    """A tokenizer's does not decide what the model computes; a config's does."""
    import shutil

    from conftest import load_program

    shutil.copytree(load_program(zoo, "llama_ForCausalLM", "prefill").checkpoint, tmp_path / "llama")
    config = json.loads((tmp_path / "llama" / "config.json").read_text())
    (tmp_path / "llama" / "config.json").write_text(json.dumps({**config, "auto_map": auto_map}))
    done = exformer("export", tmp_path / "llama", "--to", "onnx", "-o", tmp_path / "out")
    assert done.returncode == code, done.stderr
    assert code == 0 or "own_config.py" in done.stderr


def test_from_python(exformer, monkeypatch, tmp_path):
    import importlib

    import numpy

    monkeypatch.syspath_prepend(str(exformer.path.parent / "python"))
    package = importlib.import_module("exformer")
    weight = own_checkpoint(tmp_path / "own")
    ids = numpy.arange(14).reshape(2, 7)
    with pytest.raises(package.UnsupportedError, match="own_config.py, own_model.py.*trust_remote_code"):
        package.OnnxExporter().export(tmp_path / "own", {"input_ids": ids}, python=CHILD)
    exported = package.OnnxExporter().export(tmp_path / "own", {"input_ids": ids}, python=CHILD, trust_remote_code=True)
    exported.save_pretrained(tmp_path / "out")
    assert set(CODE) <= set(os.listdir(tmp_path / "out"))
    monkeypatch.delenv("EXFORMER_ONNXRUNTIME", raising=False)  # this interpreter's own is found
    numpy.testing.assert_allclose(exported.module()(input_ids=ids)["doubled"], weight.numpy()[ids] * 2)
