#!/usr/bin/env python3
"""Measures `.pte` files of `exformer export --to executorch` in ExecuTorch's runtime, beside transformers' own.

    bench_executorch.py [--exformer PATH] [--work DIR] [--models bert-base,vit-base,qwen3-0.6b] [--static]
                        [--reference] [--shapes 1x128,1x1] [--runs 7]

Export: wall time and the peak of anonymous memory of the whole process; the file against the weights; the planned
arena. Runtime, in a process of its own: delegate calls of one forward, time to load, the largest resident set, and the
best time of a forward at each shape (batch x sequence; images take the batch). Both files run with the runtime's own
number of threads. --reference also exports with transformers.exporters, which takes minutes, and runs both files in
turns for the ratio.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench import ROOT, fresh, measure

MODELS = ("bert-base", "vit-base", "qwen3-0.6b")

REFERENCE_SCRIPT = """
import sys, torch, transformers
from transformers.exporters.exporter_executorch import ExecutorchConfig, ExecutorchExporter
checkpoint, out, dynamic, batch, length = sys.argv[1:]
config = transformers.AutoConfig.from_pretrained(checkpoint)
model = getattr(transformers, config.architectures[0]).from_pretrained(checkpoint).eval()
if config.model_type == "vit":
    inputs = {"pixel_values": torch.randn(int(batch), 3, 224, 224)}
else:
    shape = (int(batch), int(length))
    inputs = {"input_ids": torch.ones(shape, dtype=torch.long), "attention_mask": torch.ones(shape, dtype=torch.long)}
exported = ExecutorchExporter().export(model, inputs, config=ExecutorchConfig(backend="xnnpack",
                                                                           dynamic=dynamic == "1"))
exported.save_pretrained(out)
"""

# Files take turns, so that what else the machine does meets all of them.
RUN_SCRIPT = """
import json, sys, time, torch
from executorch.runtime import Runtime
kind, runs, shapes, *paths = sys.argv[1:]
def memory(key):
    return int(next(l for l in open("/proc/self/status") if l.startswith(key)).split()[1]) / 1024
def inputs(shape):
    batch, length = map(int, shape.split("x"))
    generator = torch.Generator().manual_seed(0)
    if kind == "image":
        return [torch.randn(batch, 3, 224, 224, generator=generator)]
    ids = torch.randint(5, 1000, (batch, length), generator=generator)
    return [ids, torch.ones(batch, length, dtype=torch.long)]
before = memory("VmRSS")
started = time.perf_counter()
programs = [Runtime.get().load_program(path) for path in paths]
methods = [program.load_method("forward") for program in programs]
result = {"load": time.perf_counter() - started, "times": [{} for _ in paths]}
for shape in shapes.split(","):
    sample = inputs(shape)
    for turn in range(int(runs) + 1):
        for method, times in zip(methods, result["times"]):
            if isinstance(times.get(shape), str):
                continue
            started = time.perf_counter()
            try:
                method.execute(sample)
            except Exception as error:
                times[shape] = str(error)[:80]
                continue
            if turn > 0:
                times[shape] = min(times.get(shape, 1e9), time.perf_counter() - started)
result["peak_mb"] = memory("VmHWM") - before
print("RESULT " + json.dumps(result))
"""


def delegate_calls(path, args):
    """Delegate calls of one forward and the planned arena, from the program's own tables."""
    done = subprocess.run([args.exformer, "inspect", path, "--json"], capture_output=True, text=True, check=True)
    method = json.loads(done.stdout)["methods"][0]
    return sum(each["calls"] for each in method["delegates"]), method["arena_bytes"]


def run_files(paths, kind, args):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN_SCRIPT, kind, str(args.runs), args.shapes, *paths],
                          capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    return {"error": f"exit {done.returncode}: {done.stderr.strip()[-200:]}"}


def report(label, exported, path, weights, kind, args):
    """Prints what came of an export. Whether its file runs."""
    print(f"  {label}: export {exported.seconds:.1f} s, {exported.anonymous_mb:.0f} MB anonymous", end="")
    if exported.code != 0:
        print(f"; exit {exported.code}: {exported.errors.strip()[-300:]}")
        return False
    calls, arena = delegate_calls(path, args)
    print(f"; file {path.stat().st_size / weights:.4f}x the weights; arena {arena / 1e6:.1f} MB; "
          f"{calls} delegate calls")
    measured = run_files([path], kind, args)
    if "error" in measured:
        print(f"    does not run: {measured['error']}")
        return False
    times = ", ".join(f"{shape} {value if isinstance(value, str) else f'{value * 1000:.1f} ms'}"
                      for shape, value in measured["times"][0].items())
    print(f"    load {measured['load']:.2f} s, peak {measured['peak_mb']:.0f} MB; {times}", flush=True)
    return True


def bench_model(name, args):
    checkpoint = args.work / f"{name}-f32"
    if not (checkpoint / "config.json").exists():
        subprocess.run([sys.executable, ROOT / "bench" / "make_checkpoint.py", name, checkpoint, "--dtype", "f32"],
                       check=True)
    weights = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors"))
    kind = "image" if name.startswith("vit") else "text"
    print(f"\n{name}{' (static)' if args.static else ''}")
    ours, theirs = args.work / "executorch-out", args.work / "executorch-reference"
    sample = []
    batch, length = args.shapes.split(",")[0].split("x")
    if args.static:
        import torch
        from safetensors.torch import save_file
        tensors = {"pixel_values": torch.zeros(int(batch), 3, 224, 224)} if kind == "image" else {
            key: torch.ones(int(batch), int(length), dtype=torch.long) for key in ("input_ids", "attention_mask")}
        save_file(tensors, args.work / "sample.safetensors", metadata={"order": json.dumps(list(tensors))})
        sample = ["--inputs", args.work / "sample.safetensors"]
    command = [args.exformer, "export", checkpoint, "--to", "executorch", "--backend", "xnnpack", "-o", fresh(ours),
               "--set", "use_cache=false", *sample, *([] if args.static else ["--dynamic"])]
    runs = report("exformer", measure(command), ours / "model.pte", weights, kind, args)
    if not args.reference:
        return
    command = [sys.executable, "-W", "ignore", "-c", REFERENCE_SCRIPT, checkpoint, fresh(theirs),
               str(int(not args.static)),
               batch if args.static else "2", length if args.static else "9"]
    runs = report("transformers.exporters", measure(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}),
                  theirs / "model.pte", weights, kind, args) and runs
    if not runs:
        return
    together = run_files([ours / "model.pte", theirs / "model.pte"], kind, args)
    if "error" in together:
        print(f"  they do not run together: {together['error']}")
        return
    for shape in together["times"][0]:
        pair = [times[shape] for times in together["times"]]
        if not any(isinstance(value, str) for value in pair):
            print(f"  {shape}: {pair[0] * 1000:.1f} and {pair[1] * 1000:.1f} ms in turns: {pair[0] / pair[1]:.2f}x the "
                  "time of transformers.exporters' file", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exformer", type=Path, default=ROOT / "build" / "release" / "exformer")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--shapes", default="1x128,1x1,4x32")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--static", action="store_true", help="the first shape only")
    parser.add_argument("--reference", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    for name in args.models.split(","):
        bench_model(name, args)


if __name__ == "__main__":
    main()
