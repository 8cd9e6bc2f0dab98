#!/usr/bin/env python3
"""Measures `exformer export` beside `cp` of the same weights and, when asked, beside the peers.

    bench.py [--exformer PATH] [--work DIR] [--models qwen3-0.6b,...] [--runs 3] [--peers transformers,genai,mobius]

Each row: wall time of the whole process (best of the runs) and its ratio to `cp`, the graph work that the program
itself reports, the peak of anonymous memory, and the number of graph nodes. Peers are run when they can be imported.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = {  # name -> (preset, checkpoint dtype, export dtype)
    "qwen3-0.6b": ("qwen3-0.6b", "f32", None),
    "qwen3-0.6b-bf16-to-f16": ("qwen3-0.6b", "bf16", "f16"),
    "bert-base": ("bert-base", "f32", None),
    "vit-base": ("vit-base", "f32", None),
    "llama-405b": ("llama-405b", "bf16", None),
}


@dataclass
class Measured:
    seconds: float
    anonymous_mb: float
    resident_mb: float
    code: int
    output: str
    errors: str


def status_kb(pid, field):
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith(field):
                    return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def measure(command, **options):
    """Run a command; anonymous memory is sampled every 2 ms (RssAnon of the process and its children)."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, **options)
    peak = [0, 0]

    def watch():
        while process.poll() is None:
            family = [process.pid, *children(process.pid)]
            peak[0] = max(peak[0], sum(status_kb(pid, "RssAnon:") for pid in family))
            peak[1] = max(peak[1], sum(status_kb(pid, "VmHWM:") for pid in family))
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    return Measured(seconds, peak[0] / 1024, peak[1] / 1024, process.returncode, output, errors)


def best(runs, action):
    """The fastest of several runs, with the largest memory that any of them had."""
    results = [action() for _ in range(runs)]
    fastest = min(results, key=lambda r: r.seconds)
    fastest.anonymous_mb = max(r.anonymous_mb for r in results)
    return fastest


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def copy_weights(checkpoint, out):
    fresh(out).mkdir(parents=True)
    return measure(["cp", *sorted(checkpoint.glob("*.safetensors")), out])


def find_number(value, words):
    """The first number in a JSON report whose key holds one of the words."""
    if isinstance(value, dict):
        for key, item in value.items():
            if any(word in key for word in words) and isinstance(item, (int, float)):
                return item
            found = find_number(item, words)
            if found is not None:
                return found
    return None


def node_count(directory):
    """Call nodes of a .pt2, or nodes of an .onnx (when onnx can be imported)."""
    for archive in sorted(directory.rglob("*.pt2")):
        with zipfile.ZipFile(archive) as file:
            name = next(n for n in file.namelist() if n.endswith("models/model.json"))
            return len(json.loads(file.read(name))["graph_module"]["graph"]["nodes"])
    if importlib.util.find_spec("onnx"):
        import onnx
        for path in sorted(directory.rglob("*.onnx")):
            return len(onnx.load(path, load_external_data=False).graph.node)
    return None


def report(label, measured, copied, nodes=None, graph=None):
    ratio = f"{measured.seconds / copied:8.2f}x" if copied else " " * 9
    graph = f"{graph * 1000:9.1f} ms" if graph is not None else " " * 12
    failed = "" if measured.code == 0 else f"  exit {measured.code}: {measured.errors.strip()[-200:]}"
    print(f"  {label:34} {measured.seconds:8.2f} s {ratio} {graph} {measured.anonymous_mb:8.0f} MB "
          f"{'' if nodes is None else nodes:>7}{failed}", flush=True)


PEER_SCRIPT = """
import sys, torch, transformers
from transformers.exporters.exporter_dynamo import DynamoConfig, DynamoExporter
from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter
checkpoint, target, out = sys.argv[1:]
config = transformers.AutoConfig.from_pretrained(checkpoint)
model = getattr(transformers, config.architectures[0]).from_pretrained(checkpoint).eval()
if config.model_type == "vit":
    inputs = {"pixel_values": torch.randn(2, 3, 224, 224, dtype=model.dtype)}
else:
    inputs = {"input_ids": torch.ones(2, 9, dtype=torch.long), "attention_mask": torch.ones(2, 9, dtype=torch.long)}
exporter, settings = {"dynamo": (DynamoExporter, DynamoConfig), "onnx": (OnnxExporter, OnnxConfig)}[target]
exporter().export(model, inputs, config=settings(dynamic=True)).save_pretrained(out)
"""


def peer_commands(name, checkpoint, out, dtype):
    """[(label, command)] of one peer; empty when it is not installed."""
    python = sys.executable
    precision = {"f16": "fp16", "bf16": "bf16"}.get(dtype, "fp32")
    if name == "transformers" and importlib.util.find_spec("transformers"):
        return [(f"transformers.exporters {t}", [python, "-W", "ignore", "-c", PEER_SCRIPT, checkpoint, t, out])
                for t in ("dynamo", "onnx")]
    if name == "genai" and importlib.util.find_spec("onnxruntime_genai"):
        return [("onnxruntime-genai builder", [python, "-m", "onnxruntime_genai.models.builder", "-i", checkpoint, "-o",
                                               out, "-p", precision, "-e", "cpu"])]
    if name == "mobius" and importlib.util.find_spec("mobius"):
        return [("mobius", [python, "-m", "mobius", "build", out, "--config", checkpoint, "--ep", "cpu"])]
    return []


def bench_model(name, args):
    preset, dtype, target_dtype = MODELS[name]
    checkpoint = args.work / f"{preset}-{dtype}"
    if not (checkpoint / "config.json").exists():
        subprocess.run([sys.executable, ROOT / "bench" / "make_checkpoint.py", preset, checkpoint, "--dtype", dtype],
                       check=True)
    sparse = preset == "llama-405b"
    out = args.work / "out"
    print(f"\n{name}\n  {'':34} {'whole':>10} {'to cp':>9} {'graph work':>12} {'anonymous':>11} {'nodes':>7}")
    copied = None
    if not sparse:
        copy = best(args.runs, lambda: copy_weights(checkpoint, out))
        report("cp of the weights", copy, None)
        copied = copy.seconds
    cast = ["--dtype", target_dtype] if target_dtype else []
    variants = [("dynamo", []), ("onnx", []), ("onnx", ["--set", "ort_fusions=cpu"])]
    if sparse:  # its weights have no disk to go to: the graph is what is measured
        variants = [("onnx", ["--set", "weights=share"])]
    for target, settings in variants if args.exformer.is_file() else []:
        place = checkpoint / "shared-export" if sparse else out
        command = [args.exformer, "export", checkpoint, "--to", target, "--dynamic", "-o", place, "--json", *cast,
                   *settings]

        def action():
            fresh(place)
            return measure(command)
        measured = best(args.runs, action)
        nodes, graph = None, None
        if measured.code == 0:
            nodes = node_count(place)
            try:
                graph = find_number(json.loads(measured.output), ("graph",))
            except ValueError:
                pass
        report(" ".join(["exformer", target, *settings[1:]]), measured, copied, nodes, graph)
        fresh(place)
    if not sparse:
        for peer in args.peers:
            commands = peer_commands(peer, checkpoint, out, target_dtype or dtype)
            if not commands:
                print(f"  {peer}: not installed")
            for label, command in commands:
                fresh(out)
                measured = measure(command, env={**os.environ, "HF_HUB_OFFLINE": "1"})
                report(label, measured, copied, node_count(out) if measured.code == 0 else None)
        fresh(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exformer", type=Path, default=ROOT / "build" / "release" / "exformer")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--models", default="qwen3-0.6b,qwen3-0.6b-bf16-to-f16,bert-base,vit-base,llama-405b")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default="", help="transformers, genai, mobius")
    args = parser.parse_args()
    args.peers = [peer for peer in args.peers.split(",") if peer]
    args.work.mkdir(parents=True, exist_ok=True)
    unknown = [name for name in args.models.split(",") if name not in MODELS]
    if unknown:
        parser.error(f"unknown models {unknown}, there are {list(MODELS)}")
    if not args.exformer.is_file():
        print(f"no program at {args.exformer}: only cp and the peers are measured")
    for name in args.models.split(","):
        if args.exformer.is_file() or args.peers:
            bench_model(name, args)


if __name__ == "__main__":
    main()
