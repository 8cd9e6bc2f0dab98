"""The same input gives the same bytes: again, on other thread counts, from another place, into another place."""

import hashlib
import shutil

import pytest
from conftest import load_program

MODELS = [("llama_tied", "prefill"), ("qwen3_bf16_to_f16", "prefill"), ("vit_ForImageClassification", "image")]


def digests(directory):
    return {path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
@pytest.mark.parametrize("name, program_name", MODELS)
def test_bytes_do_not_depend_on_the_run(name, program_name, target, zoo, exformer, tmp_path, no_reference):
    program = load_program(zoo, name, program_name)
    copied = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(program.checkpoint, copied)
    runs = {"first": ({}, program.checkpoint), "again": ({}, program.checkpoint),
            "one thread": ({"OMP_NUM_THREADS": "1"}, program.checkpoint),
            "two threads": ({"OMP_NUM_THREADS": "2"}, program.checkpoint),
            "from a copy": ({"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "USER": "somebody"}, copied)}
    results = {}
    for label, (env, checkpoint) in runs.items():
        out = tmp_path / label / "out"
        out.parent.mkdir(exist_ok=True)
        done = exformer("export", checkpoint, "--to", target, "--dynamic", "-o", out, "--inputs", program.sample,
                        *program.export_args, env=env, cwd=out.parent)
        assert done.returncode == 0, done.stderr
        results[label] = digests(out)
    assert all(found == results["first"] for found in results.values()), results


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_shards_do_not_show_in_the_export(target, zoo, exformer, tmp_path, no_reference):
    """How the weights were split over files is no part of the model."""
    import json

    from safetensors.torch import load_file, save_file

    program = load_program(zoo, "llama_sharded", "prefill")
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "config.json").write_bytes((program.checkpoint / "config.json").read_bytes())
    index = json.loads((program.checkpoint / "model.safetensors.index.json").read_text())
    tensors = {}
    for shard in sorted(set(index["weight_map"].values())):
        tensors.update(load_file(program.checkpoint / shard))
    save_file(tensors, whole / "model.safetensors", metadata={"format": "pt"})
    for label, checkpoint in (("sharded", program.checkpoint), ("single", whole)):
        done = exformer("export", checkpoint, "--to", target, "--dynamic", "-o", tmp_path / label, "--inputs",
                        program.sample)
        assert done.returncode == 0, done.stderr
    names = ("model.pt2",) if target == "dynamo" else ("model.onnx", "model.onnx.data")
    for name in names:
        assert (tmp_path / "sharded" / name).read_bytes() == (tmp_path / "single" / name).read_bytes()
