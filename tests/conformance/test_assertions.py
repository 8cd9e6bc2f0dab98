"""Conditions that only a run can tell: written as torch writes them, kept when torch's files are read, and checked."""

import json
import zipfile

import pytest
import torch
from conftest import load_program
from foreign import load_pt2
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.usefixtures("no_reference")

DEFER = ("--set", "prefer_deferred_runtime_asserts_over_guards=true")
# The tiny models have 64 position embeddings.
TOO_LONG = {name: {"0": "batch", "1": {"name": "sequence", "max": 4096}} for name in ("input_ids", "attention_mask")}
TWO_NAMES = {"input_ids": {"0": "batch", "1": "tokens"}, "attention_mask": {"0": "batch", "1": "flags"}}


def export_with(exformer, zoo, shapes, target, out, *arguments):
    program = load_program(zoo, "bert_Model", "prefill")
    return exformer("export", program.checkpoint, "--to", target, "-o", out, "--inputs", program.sample,
                    "--dynamic-shapes", json.dumps(shapes), *arguments)


def text_inputs(tokens, flags=None):
    return {"input_ids": torch.arange(2 * tokens).reshape(2, tokens) % 50 + 3,
            "attention_mask": torch.ones(2, flags or tokens, dtype=torch.long)}


def targets(path):
    with zipfile.ZipFile(path) as archive:
        name = next(each for each in archive.namelist() if each.endswith("models/model.json"))
        return [node["target"] for node in json.loads(archive.read(name))["graph_module"]["graph"]["nodes"]]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [(TOO_LONG, "position_embeddings > aten.embedding"), (TWO_NAMES, "'flags'")],
    ids=["bound", "names"],
)
def test_a_contradicted_dim_is_an_error(shapes, message, exformer, zoo, tmp_path):
    done = export_with(exformer, zoo, shapes, "dynamo", tmp_path / "out")
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("shapes", "good", "bad"), [(TOO_LONG, (40, 40), (65, 65)), (TWO_NAMES, (7, 7), (7, 9))], ids=["bound", "names"]
)
def test_a_deferred_dim_is_checked_in_every_run(shapes, good, bad, exformer, zoo, tmp_path):
    done = export_with(exformer, zoo, shapes, "dynamo", tmp_path / "out", *DEFER)
    assert done.returncode == 0, done.stderr
    assert "torch.ops.aten._assert_scalar.default" in targets(tmp_path / "out" / "model.pt2")
    module = load_pt2(tmp_path / "out").module()
    wanted = module(**text_inputs(*good))
    with pytest.raises(Exception, match="must be|may be"):
        module(**text_inputs(*bad))
    save_file(text_inputs(*good), tmp_path / "good.safetensors")
    save_file(text_inputs(*bad), tmp_path / "bad.safetensors")
    ours = exformer.run(tmp_path / "out", tmp_path / "good.safetensors", tmp_path / "outputs.safetensors")
    torch.testing.assert_close(ours["last_hidden_state"], wanted.last_hidden_state, rtol=1e-4, atol=1e-5)
    refused = exformer("run", tmp_path / "out", "--inputs", tmp_path / "bad.safetensors", "-o", tmp_path / "x")
    assert refused.returncode == 1 and ("must be" in refused.stderr or "may be" in refused.stderr)


def test_onnx_checks_a_deferred_dim_too(exformer, zoo, tmp_path):
    done = export_with(exformer, zoo, TOO_LONG, "onnx", tmp_path / "out", *DEFER)
    assert done.returncode == 0, done.stderr
    save_file(text_inputs(33), tmp_path / "inputs.safetensors")
    outputs = exformer.run(tmp_path / "out", tmp_path / "inputs.safetensors", tmp_path / "outputs.safetensors")
    assert outputs["last_hidden_state"].shape[:2] == (2, 33)
    save_file(text_inputs(65), tmp_path / "inputs.safetensors")
    refused = exformer("run", tmp_path / "out", "--inputs", tmp_path / "inputs.safetensors", "-o", tmp_path / "x")
    assert refused.returncode == 1 and refused.stderr  # by the check, or by the embedding that comes before it


class Halves(torch.nn.Module):
    def forward(self, x, y):
        return x + torch.zeros(8, 4)[: x.shape[0]], x.reshape(2, -1), x + y


class Selection(torch.nn.Module):
    def forward(self, x):
        count = (x > 0).sum().item()
        torch._check(count >= 3)
        return x.nonzero(), x[x > 0] * 2, torch.full((count,), 1.5), torch.repeat_interleave(x, torch.arange(4), dim=0)


def save_torch_program(module, inputs, dims, path, **options):
    torch.export.save(torch.export.export(module, (), kwargs=inputs, dynamic_shapes=dims, **options), path)


def run_file(exformer, path, inputs, tmp_path):
    save_file(inputs, tmp_path / "inputs.safetensors")
    return exformer("run", path, "--inputs", tmp_path / "inputs.safetensors", "-o", tmp_path / "outputs.safetensors")


def test_assertions_of_a_torch_program_are_kept(exformer, tmp_path):
    dims = {name: {0: torch.export.Dim.DYNAMIC} for name in "xy"}
    save_torch_program(Halves(), {name: torch.randn(4, 4) for name in "xy"}, dims, tmp_path / "halves.pt2",
                       prefer_deferred_runtime_asserts_over_guards=True)
    for rows, passes in ((8, True), (6, True), (5, False)):
        inputs = {name: torch.randn(rows, 4) for name in "xy"}
        done = run_file(exformer, tmp_path / "halves.pt2", inputs, tmp_path)
        assert (done.returncode == 0) == passes, done.stderr
        if not passes:
            assert "Mod(" in done.stderr


def test_data_dependent_torch_program_runs(exformer, tmp_path):
    dims = {"x": {1: torch.export.Dim.DYNAMIC}}
    save_torch_program(Selection(), {"x": torch.randn(4, 6)}, dims, tmp_path / "data.pt2")
    x = torch.linspace(-1, 2, 28).reshape(4, 7)
    done = run_file(exformer, tmp_path / "data.pt2", {"x": x}, tmp_path)
    assert done.returncode == 0, done.stderr
    outputs = load_file(tmp_path / "outputs.safetensors")
    for ours, wanted in zip(outputs.values(), Selection()(x), strict=True):
        torch.testing.assert_close(ours, wanted)
    refused = run_file(exformer, tmp_path / "data.pt2", {"x": -torch.ones(4, 7)}, tmp_path)
    assert refused.returncode == 1 and "u" in refused.stderr
