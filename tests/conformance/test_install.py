"""`cmake --install` gives a package: examples/embed is built against it and gives transformers' numbers."""

import subprocess

import numpy as np
import pytest
from conftest import ROOT, load_program, must

pytestmark = pytest.mark.usefixtures("no_reference")
IDS = [5, 17, 3, 99, 42]


@pytest.fixture(scope="module")
def embed(prefix, tmp_path_factory):
    build = tmp_path_factory.mktemp("embed")
    must("cmake", "-S", ROOT / "examples" / "embed", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
         "-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF")
    must("cmake", "--build", build)
    return build / "embed"


def mean_pooled(checkpoint):
    import torch
    import transformers
    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        states = model(input_ids=torch.tensor([IDS]), attention_mask=torch.ones(1, len(IDS), dtype=torch.int64))
    return torch.nn.functional.normalize(states.last_hidden_state.mean(1), dim=1)[0].numpy()


def test_example_gives_the_embedding_of_transformers(embed, zoo):
    checkpoint = load_program(zoo, "bert_Model", "prefill").checkpoint
    printed = np.array([float(line) for line in must(embed, checkpoint, *IDS).split()])
    np.testing.assert_allclose(printed, mean_pooled(checkpoint), atol=2e-6)


def test_example_reports_errors_of_the_library(embed, tmp_path):
    done = subprocess.run([embed, tmp_path / "nothing", "1"], capture_output=True, text=True)
    assert done.returncode == 1 and "nothing" in done.stderr


def test_installed_program_runs(prefix):
    assert "qwen3" in must(prefix / "bin" / "exformer", "list", "--families")


def test_package_names_no_path_of_the_machine(prefix):
    """Dependencies are found again where the package is used."""
    for file in (prefix / "lib").rglob("*.cmake"):
        text = file.read_text()
        assert str(ROOT) not in text and str(prefix) not in text, file
        assert ".so" not in text, file
