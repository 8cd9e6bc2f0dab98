#!/usr/bin/env python3
"""Runs exports through `exformer run` and prints figures that a person can judge. Needs nothing but Python.

    show_result.py EXFORMER WORK      WORK holds the export directories `dynamo` and `onnx` of one checkpoint
"""

import array
import json
import math
import os
import random
import struct
import subprocess
import sys
import textwrap

# The tokens of each sentence as all-MiniLM-L6-v2's own tokenizer gives them.
SENTENCES = [
    ("A man is eating food.", [101, 1037, 2158, 2003, 5983, 2833, 1012, 102]),
    ("A man is eating a piece of bread.", [101, 1037, 2158, 2003, 5983, 1037, 3538, 1997, 7852, 1012, 102]),
    ("Someone is having a meal.", [101, 2619, 2003, 2383, 1037, 7954, 1012, 102]),
    ("The girl is carrying a baby.", [101, 1996, 2611, 2003, 4755, 1037, 3336, 1012, 102]),
    ("A cheetah is running behind its prey.", [101, 1037, 18178, 12928, 2232, 2003, 2770, 2369, 2049, 8336, 1012, 102]),
]
# Cosine similarities of sentence-transformers 6.2 with the same weights.
EXPECTED = {(0, 1): 0.755337, (0, 2): 0.688833, (0, 3): -0.104958, (0, 4): 0.141925, (1, 2): 0.580451,
            (1, 3): -0.061017, (1, 4): 0.062202, (2, 3): 0.049628, (2, 4): 0.172929, (3, 4): 0.022414}
# The likeliest next token of each sentence and its logit: transformers 5.23 and torch on what make_tiny_gpt2.py writes.
NEXT_TOKENS = [(518, 1.27458), (568, 1.47048), (518, 1.21934), (518, 1.19640), (518, 1.32325)]
CODES = {"I64": "q", "I32": "i", "F32": "f", "BOOL": "B"}


def write_safetensors(path, tensors):
    """tensors: {name: (safetensors dtype, shape, flat values)}."""
    header, blobs, offset = {"__metadata__": {"order": json.dumps(list(tensors))}}, [], 0
    for name, (dtype, shape, values) in tensors.items():
        blob = array.array(CODES[dtype], values).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def widen(dtype, blob):
    """16-bit floats as Python floats; the others as they are."""
    if dtype == "F16":
        return [v for (v,) in struct.iter_unpack("<e", blob)]
    if dtype == "BF16":
        return [struct.unpack("<f", struct.pack("<I", v << 16))[0] for (v,) in struct.iter_unpack("<H", blob)]
    return array.array(CODES[dtype], blob)


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    result = {}
    for name, entry in header.items():
        start, end = (8 + length + at for at in entry["data_offsets"])
        if entry["dtype"] in CODES or entry["dtype"] in ("F16", "BF16"):
            result[name.removeprefix("output.")] = (entry["shape"], widen(entry["dtype"], data[start:end]))
    return result


def make_inputs(metadata, config):
    """Inputs for whatever kwargs the export has, from its own manifest."""
    vocabulary = config.get("vocab_size", 1 << 30)
    longest = max(len(ids) for _, ids in SENTENCES)
    rows, width = len(SENTENCES), longest
    pad = config.get("pad_token_id") or 0
    ids = [[t % vocabulary for t in tokens] + [pad] * (width - len(tokens)) for _, tokens in SENTENCES]
    mask = [[1] * len(tokens) + [0] * (width - len(tokens)) for _, tokens in SENTENCES]
    flat = lambda table: [v for row in table for v in row]  # noqa: E731
    tensors = {}
    for name, kwarg in metadata["kwargs"].items():
        shape = kwarg.get("shape")
        if name == "input_ids":
            tensors[name] = ("I64", [rows, width], flat(ids))
        elif name == "attention_mask":
            tensors[name] = ("I64", [rows, width], flat(mask))
        elif name == "token_type_ids":
            tensors[name] = ("I64", [rows, width], [0] * (rows * width))
        elif name == "position_ids":
            tensors[name] = ("I64", [rows, width], list(range(width)) * rows)
        elif shape and kwarg.get("dtype") == "float32":
            generator = random.Random(7)
            tensors[name] = ("F32", shape, [generator.gauss(0, 1) for _ in range(math.prod(shape))])
        else:
            raise SystemExit(f"no sample for the input {name!r} ({kwarg}): run it with `exformer run --inputs`")
    return tensors, mask


def run(exformer, directory, inputs):
    outputs = os.path.join(directory, "outputs.safetensors")
    command = [exformer, "run", directory, "--inputs", inputs, "-o", outputs]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{directory}: {done.stderr.strip()}")
        return None
    return read_safetensors(outputs)


def embeddings(states, mask):
    """Mean over the real tokens, then unit length: sentence-transformers' pooling for this model."""
    (rows, width, size), values = states
    result = []
    for row in range(rows):
        total = [0.0] * size
        for column in range(width):
            if mask[row][column]:
                start = (row * width + column) * size
                for k in range(size):
                    total[k] += values[start + k]
        norm = math.sqrt(sum(v * v for v in total)) or 1.0
        result.append([v / norm for v in total])
    return result


def print_similarities(results, mask, expected):
    names = list(results)
    vectors = {name: embeddings(results[name]["last_hidden_state"], mask) for name in names}
    for index, (text, _) in enumerate(SENTENCES):
        print(f"  {index}  {text}")
    print("\ncosine similarity  " + "".join(f"{name:>12}" for name in names) + ("    expected" if expected else ""))
    worst = 0.0
    for pair in EXPECTED:
        figures = [sum(a * b for a, b in zip(vectors[n][pair[0]], vectors[n][pair[1]])) for n in names]
        print(f"  {pair[0]} and {pair[1]}          " + "".join(f"{v:12.6f}" for v in figures)
              + (f"{EXPECTED[pair]:12.6f}" if expected else ""))
        worst = max([worst] + [abs(v - EXPECTED[pair]) for v in figures])
    if expected:
        print(f"\nlargest difference from the expected figures: {worst:.1e} ({'good' if worst < 1e-5 else 'WRONG'})")
        return worst < 1e-5
    return True


def print_scores(results):
    """For models with a head: the best entries of the first output's last row."""
    for name, outputs in results.items():
        leaf, (shape, values) = next(iter(outputs.items()))
        size = shape[-1]
        last = list(values[-size:])
        best = sorted(range(size), key=lambda i: -last[i])[:5]
        print(f"{name}: {leaf} {shape}, best of its last row: " + ", ".join(f"{i} ({last[i]:.4f})" for i in best))


def print_next_tokens(results, mask):
    """For the GPT-2 with random weights: its tokens have no text, so the numbers stand for themselves."""
    print("likeliest next token (logit)   " + "".join(f"{name:>18}" for name in results) + "          expected")
    worst = 0.0
    for row, (text, _) in enumerate(SENTENCES):
        figures = []
        for outputs in results.values():
            (_, width, size), values = outputs["logits"]
            start = (row * width + sum(mask[row]) - 1) * size
            logits = values[start:start + size]
            best = max(range(size), key=lambda i: logits[i])
            figures.append((best, logits[best]))
            worst = max(worst, abs(logits[best] - NEXT_TOKENS[row][1]) if best == NEXT_TOKENS[row][0] else math.inf)
        sentence = textwrap.shorten(text, 28, placeholder=" ...")
        print(f"  {sentence:<29}" + "".join(f"{f'{i} ({v:.5f})':>18}" for i, v in [*figures, NEXT_TOKENS[row]]))
    print(f"\nlargest difference from the expected figures: {worst:.1e} ({'good' if worst < 1e-4 else 'WRONG'})")
    return worst < 1e-4


def main():
    exformer, work = sys.argv[1:]
    results, mask, config = {}, None, {}
    for name, label in (("dynamo", "model.pt2"), ("onnx", "model.onnx")):
        directory = os.path.join(work, name)
        with open(os.path.join(directory, "export.json")) as file:
            metadata = json.load(file)["components"]["model"]["metadata"]
        with open(os.path.join(directory, "config.json")) as file:
            config = json.load(file)
        tensors, mask = make_inputs(metadata, config)
        inputs = os.path.join(work, f"{name}-inputs.safetensors")
        write_safetensors(inputs, tensors)
        outputs = run(exformer, directory, inputs)
        if outputs is not None:
            results[label] = outputs
    if "model.pt2" not in results:
        return 1
    is_minilm = config.get("hidden_size") == 384 and config.get("num_hidden_layers") == 6 and config.get(
        "model_type") == "bert"
    is_tiny_gpt2 = (config.get("model_type"), config.get("vocab_size"), config.get("n_embd")) == ("gpt2", 1000, 64)
    good = True
    if is_tiny_gpt2:
        good = print_next_tokens(results, mask)
    elif all("last_hidden_state" in outputs for outputs in results.values()) and "vocab_size" in config:
        good = print_similarities(results, mask, is_minilm)
    else:
        print_scores(results)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
