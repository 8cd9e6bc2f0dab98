"""The manifest against the one that transformers' own exporters write for the same checkpoint and inputs."""

import json

import pytest
import reference_exporter
from conftest import REFERENCE, load_program

PAIRS = [("dynamo", "bert_Model", "all"), ("dynamo", "llama_ForCausalLM", "decode"),
         ("dynamo", "mistral_window", "prefill"), ("dynamo", "vit_ForImageClassification", "image"),
         ("dynamo", "qwen3_hidden_states", "prefill"), ("onnx", "qwen3_bf16", "prefill"),
         ("onnx", "llama_ForSequenceClassification", "prefill")]


def parsed(spec):
    """A treespec with its nested JSON texts opened, so that spelling (spaces, key order) does not count."""
    if isinstance(spec, str):
        try:
            return parsed(json.loads(spec))
        except ValueError:
            return spec
    if isinstance(spec, list):
        return [parsed(item) for item in spec]
    if isinstance(spec, dict):
        return {key: parsed(value) for key, value in spec.items()}
    return spec


def manifest(out):
    document = json.loads((out / "export.json").read_text())
    metadata = document["components"]["model"]["metadata"]
    for name in ("in_spec", "out_spec"):
        metadata[name] = parsed(metadata[name])
    metadata.pop("packages")  # the versions of the tools that wrote it
    for name in ("specializations", "conditions"):  # ours alone: what the model fixes and the file checks, and why
        metadata.pop(name, None)
    return document


@pytest.mark.parametrize("target, name, program_name", PAIRS)
def test_manifest_equals_the_reference(target, name, program_name, zoo, exformer, tmp_path):
    program = load_program(zoo, name, program_name)
    exformer.export(program.checkpoint, target, tmp_path / "ours", program.sample, program.export_args)
    reference_exporter.export(program.checkpoint, target, tmp_path / "theirs", program.sample, program.export_args)
    ours, theirs = manifest(tmp_path / "ours"), manifest(tmp_path / "theirs")
    settings = ours["components"]["model"]["metadata"].pop("export_config")
    reference_settings = theirs["components"]["model"]["metadata"].pop("export_config")
    assert ours == theirs
    assert {key: settings.get(key, "absent") for key in reference_settings} == reference_settings


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_config_is_the_checkpoints_own(target, zoo, exformer, tmp_path):
    """config.json means the same to AutoConfig as the checkpoint's; generation_config.json is carried along."""
    from transformers import AutoConfig

    program = load_program(zoo, "qwen3_old_rope_yarn", "prefill")
    exformer.export(program.checkpoint, target, tmp_path / "out", program.sample)
    ours = AutoConfig.from_pretrained(tmp_path / "out").to_dict()
    theirs = AutoConfig.from_pretrained(program.checkpoint).to_dict()
    for volatile in ("_name_or_path", "transformers_version", "dtype"):
        ours.pop(volatile, None)
        theirs.pop(volatile, None)
    assert ours == theirs
    if not REFERENCE:  # which keeps it for the exports of export_for_generation only
        assert (tmp_path / "out" / "generation_config.json").exists() == (
            program.checkpoint / "generation_config.json").exists()
    suffix = {"dynamo": {"model.pt2"}, "onnx": {"model.onnx", "model.onnx.data"}}[target]
    assert {p.name for p in (tmp_path / "out").iterdir()} - {"generation_config.json"} == {
        "export.json", "config.json"} | suffix


def test_default_inputs_come_from_the_task(zoo, exformer, tmp_path, no_reference):
    """Without --inputs the kwargs are the task's own, and the export runs on them."""
    from foreign import run_all_cases

    for name, program_name in (("llama_ForCausalLM", "prefill"), ("bert_ForMaskedLM", "types"),
                               ("vit_ForImageClassification", "image")):
        program = load_program(zoo, name, program_name)
        exformer.export(program.checkpoint, "dynamo", tmp_path / name, None)
        metadata = json.loads((tmp_path / name / "export.json").read_text())["components"]["model"]["metadata"]
        assert next(iter(metadata["kwargs"])) in ("input_ids", "pixel_values")
        if set(metadata["kwargs"]) == {n for n in json.loads((program.directory / "case.json").read_text())["kwargs"]}:
            problems = run_all_cases(tmp_path / name, program)
            assert not problems, "\n".join(problems)
