"""`pip wheel .` gives a package that exports in a Python of its own, without torch.

The wheel takes installed libraries, so that only the Python module is compiled.
"""

import json
import os
import sys
import zipfile

import pytest
from conftest import ROOT, must

CONFIG = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
          "eos_token_id": 2}
EXPORT = """
import sys
from exformer import ExportError, OnnxConfig, OnnxExporter
checkpoint, out = sys.argv[1:]
OnnxExporter().export(checkpoint, config=OnnxConfig(dynamic=True)).save_pretrained(out)
assert "torch" not in sys.modules
try:
    OnnxExporter().export(checkpoint + "/nothing")
except ExportError as error:
    print("refused:", error)
"""


@pytest.fixture(scope="module")
def wheel(prefix, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    settings = {"build-dir": folder / "build", "cmake.define.CMAKE_PREFIX_PATH": prefix,
                "cmake.define.EXFORMER_USE_INSTALLED": "ON", "cmake.define.CMAKE_FIND_USE_PACKAGE_REGISTRY": "OFF"}
    must(sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--quiet", "-w", folder,
         *(f"--config-settings={key}={value}" for key, value in settings.items()))
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_holds_the_package_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "exformer/__init__.py" in names and "exformer/standin/torch/__init__.py" in names
    assert sum(name.startswith("exformer/_core") and name.endswith(".so") for name in names) == 1
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"exformer"}
    assert not [name for name in names if "__pycache__" in name]


def test_an_installed_wheel_exports_without_torch(wheel, tmp_path):
    """The libraries it depends on are this Python's, torch is hidden: only the wheel is installed anew."""
    import torch
    import transformers
    from transformers.exporters import ExportedModel

    checkpoint = tmp_path / "gpt2"
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**CONFIG)).eval()
    model.save_pretrained(checkpoint)
    installed = tmp_path / "installed"
    must(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, wheel)
    out = tmp_path / "out"
    printed = must(sys.executable, "-c", EXPORT, checkpoint, out, cwd=tmp_path,
                   env={**os.environ, "PYTHONPATH": str(installed)})
    assert "refused:" in printed
    assert json.loads((out / "export.json").read_text())["export_format"] == "onnx"
    ids = torch.randint(0, 99, (3, 11), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    result = ExportedModel.from_pretrained(out)(input_ids=ids, attention_mask=torch.ones_like(ids))
    torch.testing.assert_close(result.logits, wanted, rtol=1e-4, atol=1e-4)
