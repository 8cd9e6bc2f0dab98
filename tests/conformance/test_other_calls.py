"""Checkpoints whose code goes through images, samples or blocks one by one: exported from one call, they have to be
right for other numbers and sizes of them."""

import sys

import other_calls
import pytest
import sweep_zoo

sys.path += [str(sweep_zoo.ZOO.parent), str(sweep_zoo.ZOO)]

import judging  # noqa: E402
import picture_inputs  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_reference")
PICTURES = ("ernie4_5_vl_moe", "hunyuan_vl", "lfm2_vl", "lfm3_vl", "llava_onevision", "muse_glimmer", "paddleocr_vl",
            "qwen2_5_omni_thinker", "qwen3_omni_moe_thinker", "video_llama_3")
OTHERS = {"fastspeech2_conformer": other_calls.text, "granite_speech": other_calls.audio,
          "led": other_calls.seq2seq, "longt5": other_calls.seq2seq, "mobilevitv2": other_calls.odd_images,
          "rwkv": other_calls.text, "superpoint": other_calls.images, "timesfm": other_calls.series,
          "timesfm2_5": other_calls.series,
          "udop": other_calls.layout, "visual_bert": other_calls.boxes, "xlstm": other_calls.ids}
CASES = [*PICTURES, *OTHERS]


@pytest.fixture(scope="module")
def checkpoints():
    """By model type."""
    folder = sweep_zoo.made("--only", ",".join(CASES))
    return {path.name.split("__")[0]: path for path in folder.iterdir() if (path / "meta.json").exists()}


def load(checkpoint):
    """Anew for each call: models keep positions of the last one."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    return getattr(transformers, config.architectures[0]).from_pretrained(checkpoint).eval()


def calls_of(model_type, checkpoint):
    import torch
    from safetensors.torch import load_file

    model = load(checkpoint)
    if model_type in OTHERS:
        with torch.no_grad():
            return OTHERS[model_type](model, torch.Generator().manual_seed(1))
    sample = load_file(checkpoint / "inputs.safetensors")
    return [picture_inputs.make(model, sample, layout, seed) for seed, layout in enumerate(picture_inputs.LAYOUTS)]


@pytest.mark.parametrize("model_type", CASES)
def test_is_right_for_other_calls(model_type, checkpoints, traced, tmp_path):
    import torch
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    torch.set_num_threads(1)
    checkpoint = checkpoints[model_type]
    traced(checkpoint, "dynamo", tmp_path / "out", checkpoint / "inputs.safetensors")
    exported = ExportedModel.from_pretrained(tmp_path / "out")
    for number, inputs in enumerate(calls_of(model_type, checkpoint)):
        with torch.no_grad():
            expected = get_leaf_tensors(load(checkpoint)(**inputs))
        faults = judging.differences(get_leaf_tensors(exported(**inputs)), expected)
        assert not faults, f"call {number}: {faults}"
