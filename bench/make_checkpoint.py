#!/usr/bin/env python3
"""Writes a random checkpoint of real size, quickly and without torch.

    make_checkpoint.py PRESET OUT [--dtype f32|f16|bf16] [--sparse] [--shard-gb N]
    make_checkpoint.py --list

A sparse checkpoint has files of full size with nothing written in them: only the headers take space on disk.
"""

import argparse
import json
import math
import os
import struct
import sys
from pathlib import Path

import numpy as np

DTYPES = {"f32": ("F32", 4, "float32"), "f16": ("F16", 2, "float16"), "bf16": ("BF16", 2, "bfloat16")}
BLOCK = 1 << 22  # random values made once and written over and over, at shifting starts

LLAMA_COMMON = dict(hidden_act="silu", rms_norm_eps=1e-5, bos_token_id=128000, eos_token_id=128001,
                    attention_bias=False, mlp_bias=False, use_cache=True)
PRESETS = {
    "qwen3-0.6b": dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", hidden_size=1024, intermediate_size=3072,
        num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151936,
        max_position_embeddings=40960, rms_norm_eps=1e-6, rope_theta=1000000, rope_scaling=None, hidden_act="silu",
        tie_word_embeddings=True, attention_bias=False, use_sliding_window=False, sliding_window=None,
        max_window_layers=28, bos_token_id=151643, eos_token_id=151645, use_cache=True),
    "bert-base": dict(
        architectures=["BertForMaskedLM"], model_type="bert", hidden_size=768, intermediate_size=3072,
        num_hidden_layers=12, num_attention_heads=12, vocab_size=30522, max_position_embeddings=512,
        type_vocab_size=2, layer_norm_eps=1e-12, hidden_act="gelu", pad_token_id=0),
    "vit-base": dict(
        architectures=["ViTForImageClassification"], model_type="vit", hidden_size=768, intermediate_size=3072,
        num_hidden_layers=12, num_attention_heads=12, image_size=224, patch_size=16, num_channels=3,
        layer_norm_eps=1e-12, hidden_act="gelu", qkv_bias=True, num_labels=1000),
    "llama-405b": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=16384, intermediate_size=53248,
        num_hidden_layers=126, num_attention_heads=128, num_key_value_heads=8, vocab_size=128256,
        max_position_embeddings=131072, rope_theta=500000.0, tie_word_embeddings=False,
        rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=8192), **LLAMA_COMMON),
    "llama-7b": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=4096, intermediate_size=11008,
        num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32, vocab_size=32000,
        max_position_embeddings=4096, rope_theta=10000.0, tie_word_embeddings=False, **LLAMA_COMMON),
    "llama-1b": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=2048, intermediate_size=8192,
        num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64, vocab_size=128256,
        max_position_embeddings=131072, rope_theta=500000.0, tie_word_embeddings=True, **LLAMA_COMMON),
    "large-test": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=512, intermediate_size=2048,
        num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8, vocab_size=8000,
        max_position_embeddings=2048, rope_theta=10000.0, tie_word_embeddings=False, **LLAMA_COMMON),
}
SPARSE_BY_DEFAULT = {"llama-405b", "llama-7b"}
DTYPE_BY_DEFAULT = {"llama-405b": "bf16", "llama-7b": "bf16", "llama-1b": "bf16"}


def decoder_tensors(c):
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    head = c.get("head_dim") or hidden // c["num_attention_heads"]
    queries, keys = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
    yield "model.embed_tokens.weight", (c["vocab_size"], hidden)
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", (hidden,)
        for name, shape in (("q", (queries, hidden)), ("k", (keys, hidden)), ("v", (keys, hidden)),
                            ("o", (hidden, queries))):
            yield f"{at}self_attn.{name}_proj.weight", shape
        if c["model_type"] == "qwen3":
            yield at + "self_attn.q_norm.weight", (head,)
            yield at + "self_attn.k_norm.weight", (head,)
        yield at + "post_attention_layernorm.weight", (hidden,)
        yield at + "mlp.gate_proj.weight", (inner, hidden)
        yield at + "mlp.up_proj.weight", (inner, hidden)
        yield at + "mlp.down_proj.weight", (hidden, inner)
    yield "model.norm.weight", (hidden,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], hidden)


def linear(name, rows, columns):
    yield name + ".weight", (rows, columns)
    yield name + ".bias", (rows,)


def norm(name, size):
    yield name + ".weight", (size,)
    yield name + ".bias", (size,)


def bert_tensors(c):
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    yield "bert.embeddings.word_embeddings.weight", (c["vocab_size"], hidden)
    yield "bert.embeddings.position_embeddings.weight", (c["max_position_embeddings"], hidden)
    yield "bert.embeddings.token_type_embeddings.weight", (c["type_vocab_size"], hidden)
    yield from norm("bert.embeddings.LayerNorm", hidden)
    for layer in range(c["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            yield from linear(f"{at}attention.self.{name}", hidden, hidden)
        yield from linear(at + "attention.output.dense", hidden, hidden)
        yield from norm(at + "attention.output.LayerNorm", hidden)
        yield from linear(at + "intermediate.dense", inner, hidden)
        yield from linear(at + "output.dense", hidden, inner)
        yield from norm(at + "output.LayerNorm", hidden)
    yield "cls.predictions.bias", (c["vocab_size"],)
    yield from linear("cls.predictions.transform.dense", hidden, hidden)
    yield from norm("cls.predictions.transform.LayerNorm", hidden)


def vit_tensors(c):
    hidden, inner, patch = c["hidden_size"], c["intermediate_size"], c["patch_size"]
    yield "vit.embeddings.cls_token", (1, 1, hidden)
    yield "vit.embeddings.position_embeddings", (1, (c["image_size"] // patch) ** 2 + 1, hidden)
    yield "vit.embeddings.patch_embeddings.projection.weight", (hidden, c["num_channels"], patch, patch)
    yield "vit.embeddings.patch_embeddings.projection.bias", (hidden,)
    for layer in range(c["num_hidden_layers"]):
        at = f"vit.encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            yield from linear(f"{at}attention.attention.{name}", hidden, hidden)
        yield from linear(at + "attention.output.dense", hidden, hidden)
        yield from linear(at + "intermediate.dense", inner, hidden)
        yield from linear(at + "output.dense", hidden, inner)
        yield from norm(at + "layernorm_before", hidden)
        yield from norm(at + "layernorm_after", hidden)
    yield from norm("vit.layernorm", hidden)
    yield from linear("classifier", c["num_labels"], hidden)


def tensors_of(config):
    return {"bert": bert_tensors, "vit": vit_tensors}.get(config["model_type"], decoder_tensors)(config)


class Noise:
    """Random bytes of one dtype; norms get values around 1, everything else a small spread."""

    def __init__(self, dtype):
        values = np.random.default_rng(0).standard_normal(BLOCK, dtype=np.float32)
        self.spread, self.norms = self.encode(values * 0.02, dtype), self.encode(1 + values[:1 << 16] * 0.1, dtype)
        self.start = 0

    @staticmethod
    def encode(values, dtype):
        if dtype == "bf16":
            return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).data
        return values.astype(np.float16 if dtype == "f16" else np.float32).view(np.uint8).data

    def write(self, file, name, count):
        source = self.norms if name.endswith("weight") and "norm" in name.lower() else self.spread
        while count:
            self.start = (self.start + 4096 * 7) % (len(source) // 2)
            step = min(count, len(source) - self.start)
            file.write(source[self.start:self.start + step])
            count -= step


def write_shard(path, entries, dtype, noise):
    """`entries`: [(name, shape)]; without noise the file is only made long enough."""
    code, width, _ = DTYPES[dtype]
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in entries:
        size = math.prod(shape) * width
        header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if noise is None:
            os.truncate(path, 8 + len(text) + offset)
        else:
            for name, shape in entries:
                noise.write(file, name, math.prod(shape) * width)
    return offset


def split(entries, width, limit):
    """Consecutive groups of at most `limit` bytes (a larger tensor gets its own)."""
    groups, size = [[]], 0
    for name, shape in entries:
        amount = math.prod(shape) * width
        if groups[-1] and size + amount > limit:
            groups.append([])
            size = 0
        groups[-1].append((name, shape))
        size += amount
    return groups


def write_checkpoint(preset, out, dtype=None, sparse=None, shard_gb=5.0):
    config = dict(PRESETS[preset])
    dtype = dtype or DTYPE_BY_DEFAULT.get(preset, "f32")
    sparse = preset in SPARSE_BY_DEFAULT if sparse is None else sparse
    out.mkdir(parents=True, exist_ok=True)
    labels = config.pop("num_labels", None)
    written = {**config, "torch_dtype": DTYPES[dtype][2]}
    if labels:
        written["id2label"] = {str(i): f"LABEL_{i}" for i in range(labels)}
        written["label2id"] = {f"LABEL_{i}": i for i in range(labels)}
        config["num_labels"] = labels
    (out / "config.json").write_text(json.dumps(written, indent=2) + "\n")
    groups = split(list(tensors_of(config)), DTYPES[dtype][1], int(shard_gb * 1e9))
    noise = None if sparse else Noise(dtype)
    if len(groups) == 1:
        return write_shard(out / "model.safetensors", groups[0], dtype, noise)
    weight_map, total = {}, 0
    for index, group in enumerate(groups):
        name = f"model-{index + 1:05}-of-{len(groups):05}.safetensors"
        total += write_shard(out / name, group, dtype, noise)
        weight_map.update({tensor: name for tensor, _ in group})
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", choices=sorted(PRESETS))
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--dtype", choices=sorted(DTYPES))
    parser.add_argument("--sparse", action="store_true", default=None)
    parser.add_argument("--shard-gb", type=float, default=5.0)
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list:
        print("\n".join(sorted(PRESETS)))
        return 0
    if args.preset is None or args.out is None:
        parser.error("PRESET and OUT are needed")
    size = write_checkpoint(args.preset, args.out, args.dtype, args.sparse, args.shard_gb)
    print(f"{args.out}: {size / 1e9:.2f} GB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
