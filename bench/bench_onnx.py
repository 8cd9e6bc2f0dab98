#!/usr/bin/env python3
"""Runs ONNX files of one checkpoint in ONNX Runtime's CPU provider, ours beside those of other exporters.

    bench_onnx.py CHECKPOINT [--exformer PATH] [--work DIR] [--length 128] [--threads 2] [--runs 5] [NAME=FILE.onnx ...]

Each NAME=FILE is a peer's file: transformers.exporters, onnxruntime-genai's builder, mobius, ... Ours are
exported here: without and with a cache, plain and with ort_fusions. Two calls are timed: `prefill` of LENGTH
tokens (an empty cache where the file takes one) and `decode` of one token after LENGTH cached ones. The files
take turns in every round and the best round counts, so that a busy machine slows them alike. Needs
onnxruntime and numpy.
"""

import argparse
import json
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[1]
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64,
          "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


def cache_shape(config, length):
    heads = config.get("num_key_value_heads", config["num_attention_heads"])
    return [1, heads, length, config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]]


def write_decode_sample(path, config, length):
    """A safetensors file with one token and a cache of `length` positions."""
    tensors = {"input_ids": ("I64", [1, 1]), "attention_mask": ("I64", [1, length + 1])}
    for layer in range(config["num_hidden_layers"]):
        for side in ("keys", "values"):
            tensors[f"past_key_values.layers.{layer}.{side}"] = ("F32", cache_shape(config, length))
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = int(np.prod(shape)) * (8 if dtype == "I64" else 4)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({"__metadata__": {"order": json.dumps(list(tensors))}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


class Session:
    def __init__(self, path, config, threads):
        self.config = config
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def takes_cache(self):
        return any("past_key_values" in value.name for value in self.session.get_inputs())

    def feed(self, query, past):
        """Inputs by name: what is left open in a shape is the batch (1), the query's or the whole length."""
        random = np.random.default_rng(0)
        feeds = {}
        for value in self.session.get_inputs():
            dtype = DTYPES[value.type]
            if "past_key_values" in value.name or "cache" in value.name:
                feeds[value.name] = random.standard_normal(cache_shape(self.config, past)).astype(dtype)
            elif value.name == "attention_mask":
                feeds[value.name] = np.ones((1, past + query), dtype)
            elif value.name == "position_ids":
                feeds[value.name] = np.arange(past, past + query, dtype=dtype)[None]
            elif value.name == "token_type_ids":
                feeds[value.name] = np.zeros((1, query), dtype)
            elif value.name == "input_ids":
                feeds[value.name] = random.integers(1, 1000, (1, query)).astype(dtype)
            elif value.name == "pixel_values":
                feeds[value.name] = random.standard_normal([1, *value.shape[1:]]).astype(dtype)
            else:
                raise SystemExit(f"what is {value.name} {value.shape}?")
        return feeds


def compare(title, sessions, query, past, args):
    if not sessions:
        return
    calls = {}
    for name, session in sessions.items():
        feeds = session.feed(query, past)
        logits = [o.name for o in session.session.get_outputs()]
        calls[name] = lambda s=session, f=feeds, o=logits: s.session.run(o, f)
        calls[name]()
    best = {name: float("inf") for name in calls}
    for _ in range(args.runs):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - started)
    first = next(iter(best.values()))
    print(f"\n{title}, {args.threads} threads, best of {args.runs}")
    for name, seconds in best.items():
        print(f"  {name:34} {seconds * 1000:9.1f} ms {seconds / first:7.2f}x of the first")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("peers", nargs="*", metavar="NAME=FILE.onnx")
    parser.add_argument("--exformer", type=Path, default=ROOT / "build" / "release" / "exformer")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench" / "onnx")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_intermixed_args()
    args.work.mkdir(parents=True, exist_ok=True)
    config = json.loads((args.checkpoint / "config.json").read_text())
    is_decoder = "CausalLM" in config["architectures"][0]
    sample = args.work / "decode.safetensors"
    if is_decoder:
        write_decode_sample(sample, config, args.length)

    without_cache, with_cache = {}, {}
    for label, settings in (("exformer", []), ("exformer ort_fusions", ["--set", "ort_fusions=cpu"])):
        for inputs, group in (([], without_cache), (["--inputs", sample], with_cache)):
            if inputs and not is_decoder:
                continue
            out = args.work / f"{label.replace(' ', '-')}-{'cache' if inputs else 'plain'}"
            subprocess.run([args.exformer, "export", args.checkpoint, "--to", "onnx", "--dynamic", "-o", out, "--quiet",
                            *settings, *inputs], check=True)
            group[label + (", cache" if inputs else "")] = Session(out / "model.onnx", config, args.threads)
    for peer in args.peers:
        name, path = peer.split("=", 1)
        session = Session(path, config, args.threads)
        (with_cache if session.takes_cache() else without_cache)[name] = session
    compare(f"prefill of {args.length} tokens", {**without_cache, **{
        n: s for n, s in with_cache.items() if not n.startswith("exformer")}}, args.length, 0, args)
    compare(f"decode of 1 token after {args.length}", with_cache, 1, args.length, args)


if __name__ == "__main__":
    main()
