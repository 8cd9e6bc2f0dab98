"""What a case is, and what cases are made of: checkpoints with random weights, and calls."""

import importlib.util
import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any, Callable

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SWEEP = os.path.join(os.path.dirname(HERE), "sweep")
FORMATS = ("dynamo", "onnx", "executorch")
NOT_TOPICS = ("case.py", "run.py", "trying.py")

# Configs of two small layers: of any text model, and of one whose heads share keys.
TEXT = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
        "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GROUPED = {**TEXT, "num_key_value_heads": 2, "head_dim": 8}
SEQ2SEQ = {"vocab_size": 99, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
           "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64,
           "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}


@dataclass
class Case:
    """A checkpoint that is exported from one call and has to be right for others. A call passes when the file gives
    what transformers gives, or when transformers itself refuses it."""

    name: str
    checkpoint: Callable  # of a folder: writes the checkpoint there
    sample: Any = None  # flat forward kwargs by dotted name, a function of the model, or None: the export makes its own
    calls: Any = ()  # a list of such kwargs, or a function of the model that gives one
    options: dict = field(default_factory=dict)  # of the export: dtype, dynamic_shapes, ..., fields of its config
    flags: dict = field(default_factory=dict)  # of the export and the reference: output_attentions=True
    formats: tuple = FORMATS
    refused: dict = field(default_factory=dict)  # {call: pattern} of what the files themselves say to that call
    unsupported: str = ""  # pattern of the message with which the export has to say that it cannot
    via: str = "frontend"  # "program": the command line, whatever front end it takes
    tolerance: float = 1e-4
    ignore: tuple = ()  # patterns of outputs that are not compared
    reference: Callable = None  # of the folder: the model, where the config's first class is not it


def tiny(model_type, class_name, seed=0, **config):
    """Writes a checkpoint of that class. Its weights are all random: zeros and ones would hide a misplaced one."""
    def make(folder):
        import transformers

        sys.path.append(os.path.join(SWEEP, "zoo"))
        from random_weights import randomize

        class_ = getattr(transformers, class_name)
        torch.manual_seed(seed)
        model = class_(transformers.AutoConfig.for_model(model_type, **config)).eval()
        randomize(model, seed)
        model.tie_weights()
        model.save_pretrained(folder)

    return make


def edited(make, **values):
    """The same checkpoint with these values in its config.json; None takes one out."""
    def edit(folder):
        make(folder)
        path = os.path.join(folder, "config.json")
        with open(path, encoding="utf-8") as file:
            config = {**json.load(file), **values}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({name: value for name, value in config.items() if value is not None}, file)

    return edit


def rewritten(make, change):
    """The same checkpoint with change(tensors by name) as its weights."""
    def rewrite(folder):
        from safetensors.torch import load_file, save_file

        make(folder)
        path = os.path.join(folder, "model.safetensors")
        tensors = change(load_file(path))
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})

    return rewrite


def noise(*sizes, seed=1):
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed))


def ids(batch, length, vocabulary=90, seed=0):
    """Tokens, none of which is special."""
    return torch.randint(3, vocabulary, (batch, length), generator=torch.Generator().manual_seed(seed))


def text(batch, length, padding=None, vocabulary=90, seed=0):
    """input_ids and attention_mask. padding: "left" or "right", most of the first row and one token of the second."""
    mask = torch.ones(batch, length, dtype=torch.int64)
    for row, count in zip(range(batch), (length * 2 // 3, min(1, length - 1))):
        if padding == "left":
            mask[row, :count] = 0
        elif padding == "right":
            mask[row, length - count:] = 0
    return {"input_ids": ids(batch, length, vocabulary, seed).masked_fill(mask == 0, 0), "attention_mask": mask}


def source_and_target(batch, source, target, padding=None, seed=0):
    """Of an encoder with a decoder."""
    return {**text(batch, source, padding, seed=seed), "decoder_input_ids": ids(batch, target, seed=seed + 1)}


def pictures(batch, height, width=None, channels=3, seed=2):
    return {"pixel_values": noise(batch, channels, height, width or height, seed=seed)}


def waveform(batch, samples, padded=None, seed=3):
    """input_values; padded: a mask, in which so many samples of the first row are padding."""
    values = noise(batch, samples, seed=seed)
    if padded is None:
        return {"input_values": values}
    mask = torch.ones(batch, samples, dtype=torch.int64)
    mask[0, samples - padded:] = 0
    return {"input_values": values * mask, "attention_mask": mask}


def cache(batch, length, layers=2, heads=4, size=8, name="past_key_values", seed=5):
    """Keys and values of that many tokens. An encoder-decoder pair is two of them, by their dotted names."""
    leaves = [f"{name}.layers.{layer}.{kind}" for layer in range(layers) for kind in ("keys", "values")]
    return {leaf: noise(batch, heads, length, size, seed=seed + i) for i, leaf in enumerate(leaves)}


def step(batch, past, length=1, padding=0, **sizes):
    """Tokens after a cache; so many positions of the first row are left padding."""
    mask = torch.ones(batch, past + length, dtype=torch.int64)
    mask[0, :padding] = 0
    return {"input_ids": ids(batch, length, seed=9), "attention_mask": mask, **cache(batch, past, **sizes)}


def topics():
    return sorted(name[:-3] for name in os.listdir(HERE) if name.endswith(".py") and name not in NOT_TOPICS)


def cases_of(topic):
    """The CASES of tests/cases/<topic>.py."""
    module = sys.modules.get(f"cases_{topic}")
    if module is None:
        spec = importlib.util.spec_from_file_location(f"cases_{topic}", os.path.join(HERE, f"{topic}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module.CASES


def make(request):
    """Writes a case's checkpoint, calls and reference outputs into a folder, in a process that has transformers. Gives
    for each call the words with which transformers refuses it."""
    import judging

    folder, case = request["folder"], next(c for c in cases_of(request["topic"]) if c.name == request["case"])
    checkpoint = os.path.join(folder, "checkpoint")
    os.makedirs(checkpoint)
    case.checkpoint(checkpoint)
    trust = case.options.get("trust_remote_code", False)
    model = case.reference(checkpoint).eval() if case.reference else judging.load_model(checkpoint, trust)
    sample = case.sample(model) if callable(case.sample) else case.sample
    if sample is not None:
        judging.write(sample, os.path.join(folder, "sample.safetensors"))
    refusals = []
    for number, flat in enumerate(case.calls(model) if callable(case.calls) else case.calls):
        call = judging.paths_of(folder, number)
        judging.write(flat, call["inputs"])
        refusals.append(judging.write_reference(model, call, case.flags, request["limit"]))
    return {"refusals": refusals}
