"""The same two verbs as the program under test, done by transformers' own exporters, in this process.

With EXFORMER_REFERENCE=1 the tests judge this instead: what it passes shows that the harness judges correctly.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers

import compare


def export(checkpoint, target, out, inputs, arguments=()):
    from transformers.exporters.exporter_dynamo import DynamoConfig, DynamoExporter
    from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

    config = json.loads((Path(checkpoint) / "config.json").read_text())
    dtype = "auto"
    if "--dtype" in arguments:
        dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[
            arguments[list(arguments).index("--dtype") + 1]]
    eager = {"attn_implementation": "eager"} if config.get("output_attentions") else {}
    model = getattr(transformers, config["architectures"][0]).from_pretrained(checkpoint, dtype=dtype, **eager).eval()
    leaves = compare.read_leaves(inputs)
    kwargs = {name: tensor for name, tensor in leaves.items() if "." not in name}
    if any(name.endswith(".keys") for name in leaves):
        kwargs["past_key_values"] = filled_cache(model.config, leaves)
    exporter, config_class = (DynamoExporter, DynamoConfig) if target == "dynamo" else (OnnxExporter, OnnxConfig)
    exported = exporter().export(model, kwargs, config=config_class(dynamic=True))
    shutil.rmtree(out, ignore_errors=True)
    exported.save_pretrained(out)


def filled_cache(config, leaves):
    """A cache of the model's own layer types, every layer holding all positions."""
    cache = transformers.DynamicCache(config=config)
    for index, layer in enumerate(cache.layers):
        keys, values = (leaves[f"past_key_values.layers.{index}.{part}"] for part in ("keys", "values"))
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
    return cache


def run(directory, inputs):
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    model = ExportedModel.from_pretrained(directory)
    return get_leaf_tensors(model(**compare.forward_kwargs(directory, compare.read_leaves(inputs))))
