#!/usr/bin/env python3
"""Writes a GPT-2 of two layers with random weights, the same ones every time. Needs nothing but Python.

    make_tiny_gpt2.py DIR
"""

import json
import os
import random
import sys

from show_result import write_safetensors

CONFIG = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 1000, "n_positions": 64,
          "n_embd": 64, "n_layer": 2, "n_head": 4, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def shapes():
    width = CONFIG["n_embd"]
    yield "transformer.wte.weight", [CONFIG["vocab_size"], width]
    yield "transformer.wpe.weight", [CONFIG["n_positions"], width]
    for layer in range(CONFIG["n_layer"]):
        for name, rows, columns in (("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
                                    ("mlp.c_fc", width, 4 * width), ("mlp.c_proj", 4 * width, width)):
            yield f"transformer.h.{layer}.{name}.weight", [rows, columns]
            yield f"transformer.h.{layer}.{name}.bias", [columns]
        for name in ("ln_1", "ln_2"):
            yield f"transformer.h.{layer}.{name}.weight", [width]
            yield f"transformer.h.{layer}.{name}.bias", [width]
    yield "transformer.ln_f.weight", [width]
    yield "transformer.ln_f.bias", [width]


def main():
    directory, generator, tensors = sys.argv[1], random.Random(7), {}
    for name, shape in shapes():
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        tensors[name] = ("F32", shape, [generator.gauss(0, 0.2) for _ in range(count)])
    os.makedirs(directory, exist_ok=True)
    write_safetensors(os.path.join(directory, "model.safetensors"), tensors)
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(CONFIG, file, indent=2)


if __name__ == "__main__":
    main()
