#!/usr/bin/env python
"""Writes tiny random checkpoints made by transformers, with inputs and the outputs that transformers gives for them.

    python make_checkpoints.py OUT [--only NAME,NAME*] [--list]

OUT/<name>/checkpoint is what a user would pass to `exformer export`; OUT/<name>/<program>/ holds that program's cases
(see cases.py). Everything is seeded by name, so a row can be made alone and the files are the same on every run.
"""

import argparse
import fnmatch
import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cases  # noqa: E402
from catalogue import TINY, rows  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)


@torch.no_grad()
def randomize(model, name):
    """Weights large enough that every branch shows in the output: norms around 1, biases and tables far from 0."""
    generator = cases.seeded("weights", name)
    for path, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            is_norm = path.endswith("weight") and "norm" in path.lower()
            parameter.copy_(1 + 0.25 * noise if is_norm else 0.3 * noise)
        elif "embeddings" in path and "projection" not in path or "embed_tokens" in path:
            parameter.copy_(0.7 * noise)
        else:
            fan_in = parameter[0].numel()
            parameter.copy_(noise * (1.3 / fan_in**0.5))
    model.tie_weights()


def write_checkpoint(row, directory):
    config_class = transformers.CONFIG_MAPPING[row.family]
    config = config_class(**{**TINY[row.family], **row.config})
    model = getattr(transformers, row.architecture)(config).eval()
    randomize(model, row.name)
    model.to(getattr(torch, row.dtype))
    limit = "40KB" if row.shard else "5GB"
    model.save_pretrained(directory, max_shard_size=limit)
    if row.rename is not None:
        path = directory / "model.safetensors"
        save_file(row.rename(load_file(path)), path, metadata={"format": "pt"})
    if row.edit is not None:
        path = directory / "config.json"
        config = json.loads(path.read_text())
        row.edit(config)
        path.write_text(json.dumps(config, indent=2) + "\n")


def load(row, directory, dtype):
    loader = getattr(transformers, row.loaded_architecture)
    extra = {} if row.attention is None else {"attn_implementation": row.attention}
    model, info = loader.from_pretrained(directory, dtype=dtype, output_loading_info=True, **extra)
    if info["missing_keys"] or info.get("mismatched_keys"):
        raise RuntimeError(f"{row.name}: transformers itself did not find {info}")
    return model.eval()


@torch.no_grad()
def make(row, root):
    directory = root / row.name
    checkpoint = directory / "checkpoint"
    checkpoint.mkdir(parents=True, exist_ok=True)
    write_checkpoint(row, checkpoint)
    dtype = getattr(torch, row.cast) if row.cast else "auto"
    model = load(row, checkpoint, dtype)
    exact = model if model.dtype == torch.float32 else load(row, checkpoint, torch.float32)
    export_args = ["--dtype", {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}[row.cast]] if row.cast else []
    for program in row.programs:
        cases.write_program(directory / program, row.name, model, exact, program, row.full, export_args)
    return {"name": row.name, "family": row.family, "architecture": row.loaded_architecture,
            "dtype": str(model.dtype).removeprefix("torch."), "programs": list(row.programs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--only", help="comma-separated names, * allowed")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    chosen = rows()
    if args.only:
        chosen = [r for r in chosen if any(fnmatch.fnmatch(r.name, p) for p in args.only.split(","))]
    if args.list:
        print("\n".join(f"{r.name:32} {r.loaded_architecture:32} {' '.join(r.programs)}" for r in chosen))
        return
    if args.out is None:
        parser.error("OUT is missing")
    started = time.perf_counter()
    index = []
    for row in chosen:
        try:
            index.append(make(row, args.out))
        except Exception as error:
            raise RuntimeError(f"checkpoint {row.name}") from error
    (args.out / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    print(f"{len(index)} checkpoints in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
