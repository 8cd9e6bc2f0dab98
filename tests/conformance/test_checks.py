"""What an export takes for granted of a call, every file checks: a call outside of it ends with an error that names the
input, and the same call inside of it is right."""

import json
import os
import re
import sys

import pytest
import torch
from safetensors.torch import save_file

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)
FORMATS = ("dynamo", "onnx", "executorch")

# Branches that a model can take on its sizes; `table` is 64 x 8.
MODEL = """
import torch
from transformers import PretrainedConfig, PreTrainedModel


class CheckedConfig(PretrainedConfig):
    model_type = "checked"


class CheckedModel(PreTrainedModel):
    config_class = CheckedConfig

    def __init__(self, config):
        super().__init__(config)
        self.table = torch.nn.Parameter(torch.zeros(64, 8))
        self.post_init()

    def forward(self, pixels, mask=None):
        batch, height, width = pixels.shape
        {branch}
"""
BRANCHES = {
    "fixed": ("scale = float(height)\n        return {'out': pixels * scale}",
              (2, 6, 5), [(3, 6, 7)], [((3, 7, 7), "pixels.shape[1] must be 6")]),
    "multiple": ("rows = pixels.reshape(batch, height // 4, 4, width)\n        return {'out': rows.sum(2)}",
                 (2, 8, 5), [(1, 12, 4)], [((2, 10, 5), "pixels.shape[1] must be a multiple of 4")]),
    "two-sizes": ("out = pixels + 1 if height < width else pixels * 2\n        return {'out': out}",
                  (2, 4, 9), [(1, 5, 6)], [((2, 9, 4), "pixels.shape[1] must be below pixels.shape[2]"),
                                           ((2, 4, 4), "pixels.shape[1] must be below pixels.shape[2]")]),
    "not-monotone": ("out = pixels + 1 if height % 7 < 3 else pixels * 2\n        return {'out': out}",
                     (2, 8, 3), [(1, 16, 2)], [((2, 12, 3), "mod(pixels.shape[1], 7)")]),
    "two": ("out = pixels + 1 if 2 * height > 3 else pixels * 2\n        return {'out': out[:, 1:]}",
            (2, 8, 3), [(1, 2, 2), (1, 3, 1)], [((2, 1, 3), "pixels.shape[1] must be at least 2")]),
    "most": ("out = pixels + 1 if height <= 10 else pixels * 2\n        return {'out': out}",
             (2, 8, 3), [(1, 10, 2)], [((2, 11, 3), "pixels.shape[1] must be at most 10")]),
    "area": ("return {'out': pixels.reshape(batch, -1) + torch.arange(24)}",
             (2, 6, 4), [(3, 6, 4)], [((3, 8, 3), "pixels.shape[1] must be 6")]),
    "shared": ("return {'out': pixels + mask[:, None, :]}",
               (2, 8, 3), [(1, 5, 4)], [(((2, 8, 3), (2, 1)), "mask.shape[1] must be pixels.shape[2]")]),
}


def write_checkpoint(folder, branch):
    (folder / "modeling_checked.py").write_text(MODEL.replace("{branch}", branch))
    config = {"model_type": "checked", "architectures": ["CheckedModel"],
              "auto_map": {"AutoConfig": "modeling_checked.CheckedConfig",
                           "AutoModel": "modeling_checked.CheckedModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"table": torch.randn(64, 8)}, folder / "model.safetensors", metadata={"format": "pt"})


def call(sizes, with_mask):
    pixels, mask = sizes if isinstance(sizes[0], tuple) else (sizes, (sizes[0], sizes[2]))
    inputs = {"pixels": torch.randn(pixels)}
    return {**inputs, "mask": torch.randn(mask)} if with_mask else inputs


def export(exformer, folder, to, out, inputs, *arguments):
    save_file(inputs, folder / "inputs.safetensors", metadata={"order": json.dumps(list(inputs))})
    return exformer("export", folder, "--to", to, "--dynamic", "-o", out, "--python", CHILD, "--trust-remote-code",
                    "--inputs", folder / "inputs.safetensors", "--json", *arguments)


def runner(to, out):
    """Inputs by name to the file's one result, by the foreign runtime alone."""
    if to == "dynamo":
        module = torch.export.load(out / "model.pt2").module()
        return lambda inputs: next(iter(module(**inputs).values()))
    if to == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(out / "model.onnx")
        return lambda inputs: torch.from_numpy(session.run(None, {n: t.numpy() for n, t in inputs.items()})[0])
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(out / "model.pte").load_method("forward")
    return lambda inputs: method.execute(list(inputs.values()))[0]


def expected(name, inputs):
    pixels = inputs["pixels"]
    _, height, width = pixels.shape
    return {"fixed": lambda: pixels * height, "multiple": lambda: pixels.unflatten(1, (-1, 4)).sum(2),
            "two-sizes": lambda: pixels + 1 if height < width else pixels * 2,
            "not-monotone": lambda: pixels + 1 if height % 7 < 3 else pixels * 2,
            "two": lambda: (pixels + 1 if 2 * height > 3 else pixels * 2)[:, 1:],
            "most": lambda: pixels + 1 if height <= 10 else pixels * 2,
            "area": lambda: pixels.reshape(pixels.shape[0], -1) + torch.arange(24),
            "shared": lambda: pixels + inputs["mask"][:, None, :]}[name]()


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("name", BRANCHES)
def test_a_file_checks_what_the_sample_decided(name, to, exformer, tmp_path, capfd):
    branch, sample, good, bad = BRANCHES[name]
    write_checkpoint(tmp_path, branch)
    has_mask = name == "shared"
    plain = ("--set", "pytree=plain") if to == "dynamo" else ()
    done = export(exformer, tmp_path, to, tmp_path / "out", call(sample, has_mask), *plain)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["assumptions"] == []
    words = [text for each in told["conditions"] for text in each.values() if isinstance(text, str)]
    assert not any(re.search(r"\b[su]\d", text) for text in words), words
    run = runner(to, tmp_path / "out")
    for sizes in (sample, *good):
        inputs = call(sizes, has_mask)
        torch.testing.assert_close(run(inputs), expected(name, inputs))
    capfd.readouterr()
    for sizes, message in bad:
        with pytest.raises(Exception) as raised:  # noqa: PT011: each runtime has its own kind
            run(call(sizes, has_mask))
        if to != "dynamo":  # torch has words of its own for what it checks by itself
            said = capfd.readouterr()
            assert message in str(raised.value) + said.err + said.out or "pixels" in str(raised.value)


def test_conditions_are_told_with_the_models_line(exformer, tmp_path):
    write_checkpoint(tmp_path, BRANCHES["most"][0])
    done = export(exformer, tmp_path, "onnx", tmp_path / "out", call((2, 8, 3), False))
    bound = {"input": "pixels", "axis": 1, "allowed": "at most 10"}
    found = [{**each, "reason": None} for each in json.loads(done.stdout)["conditions"]]
    assert {**bound, "reason": None} in found
    manifest = json.loads((tmp_path / "out" / "export.json").read_text())
    conditions = manifest["components"]["model"]["metadata"]["conditions"]
    assert any("modeling_checked.py:" in each.get("reason", "") for each in conditions)
    shown = exformer("inspect", tmp_path / "out")
    assert "pixels axis 1 must be at most 10" in shown.stdout and "modeling_checked.py:" in shown.stdout


@pytest.mark.parametrize("to", ["onnx", "executorch"])
def test_allow_unchecked_leaves_the_checks_out(to, exformer, tmp_path):
    write_checkpoint(tmp_path, BRANCHES["two-sizes"][0])
    done = export(exformer, tmp_path, to, tmp_path / "out", call((2, 4, 9), False), "--allow-unchecked")
    assert done.returncode == 0 and json.loads(done.stdout)["conditions"] == []
    inputs = call((2, 9, 4), False)
    torch.testing.assert_close(runner(to, tmp_path / "out")(inputs), inputs["pixels"] + 1)


def test_no_check_is_written_where_nothing_is_taken_for_granted(exformer, tmp_path):
    import onnx

    write_checkpoint(tmp_path, "return {'out': pixels + 1}")
    export(exformer, tmp_path, "onnx", tmp_path / "out", call((2, 4, 9), False))
    assert [node.op_type for node in onnx.load(tmp_path / "out" / "model.onnx").graph.node] == ["Add"]


def test_a_pte_checks_the_bounds_that_its_memory_is_planned_for(exformer, tmp_path, capfd):
    """Where a dim alone decides how large something is: products have room for more of one and less of another."""
    write_checkpoint(tmp_path, "return {'out': pixels + torch.arange(height)[:, None]}")
    sample, longer, more = call((2, 4, 9), False), call((1, 17, 3), False), call((12, 7, 5), False)
    done = export(exformer, tmp_path, "executorch", tmp_path / "out", sample, "--set", "max_length=16")
    allowed = {(each["input"], each["axis"]): each["allowed"] for each in json.loads(done.stdout)["conditions"]}
    assert allowed == {("pixels", 1): "at most 16"}
    run = runner("executorch", tmp_path / "out")
    torch.testing.assert_close(run(more), more["pixels"] + torch.arange(7)[:, None])
    capfd.readouterr()
    with pytest.raises(RuntimeError):
        run(longer)
    said = capfd.readouterr()
    assert "pixels.shape[1] must be at most 16" in said.err + said.out
    done = export(exformer, tmp_path, "executorch", tmp_path / "loose", sample, "--allow-unchecked")
    assert json.loads(done.stdout)["conditions"] == []
