#!/usr/bin/env python3
"""Compares the embedded interpreter (and ONNX Runtime through `exformer run`) with eager torch on the same weights.

    bench_run.py [--exformer PATH] [--work DIR] [--models bert-base,qwen3-0.6b] [--length 128] [--threads N]

A process also starts and maps weights, so the time of the forward alone is the difference between a run on `length`
tokens and a run on one token; eager torch is measured the same way. Needs torch and transformers.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = {"bert-base": "BertForMaskedLM", "qwen3-0.6b": "Qwen3ForCausalLM", "llama-1b": "LlamaForCausalLM"}


def best_time(runs, action):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def eager_seconds(checkpoint, architecture, samples, args):
    import torch
    import transformers

    torch.set_num_threads(args.threads)
    model = getattr(transformers, architecture).from_pretrained(checkpoint, dtype=torch.float32).eval()
    times = []
    with torch.no_grad():
        for sample in samples:
            model(**sample)
            times.append(best_time(args.runs, lambda: model(**sample)))
    return times[0] - times[1]


def run_seconds(args, export, inputs):
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads)}
    times = []
    for path in inputs:
        command = [args.exformer, "run", export, "--inputs", path, "-o", args.work / "outputs.safetensors"]
        times.append(best_time(args.runs, lambda: subprocess.run(command, check=True, env=environment,
                                                                 capture_output=True)))
    return times[0] - times[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exformer", type=Path, default=ROOT / "build" / "release" / "exformer")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--models", default="bert-base,qwen3-0.6b")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()

    import torch
    from safetensors.torch import save_file

    args.work.mkdir(parents=True, exist_ok=True)
    print(f"{'':12} {'eager torch':>12} {'interpreter':>12} {'ratio':>7} {'onnx':>12} {'ratio':>7}")
    for name in args.models.split(","):
        checkpoint = args.work / f"{name}-f32"
        if not (checkpoint / "config.json").exists():
            subprocess.run([sys.executable, ROOT / "bench" / "make_checkpoint.py", name, checkpoint, "--dtype", "f32"],
                           check=True)
        samples, inputs = [], []
        for length in (args.length, 1):
            sample = {"input_ids": torch.randint(5, 1000, (1, length)),
                      "attention_mask": torch.ones(1, length, dtype=torch.long)}
            path = args.work / f"inputs-{length}.safetensors"
            save_file(sample, path, metadata={"order": json.dumps(list(sample))})
            samples.append(sample)
            inputs.append(path)
        eager = eager_seconds(checkpoint, MODELS[name], samples, args)
        figures = []
        for target in ("dynamo", "onnx"):
            out = args.work / f"run-{target}"
            subprocess.run([args.exformer, "export", checkpoint, "--to", target, "--dynamic", "-o", out, "--inputs",
                            inputs[0]], check=True, capture_output=True)
            figures.append(run_seconds(args, out, inputs))
        cells = "".join(f" {value * 1000:9.1f} ms {value / eager:6.2f}x" for value in figures)
        print(f"{name:12} {eager * 1000:9.1f} ms{cells}", flush=True)


if __name__ == "__main__":
    main()
