#!/usr/bin/env python
"""Exports checkpoints of a zoo through the transformers front end and compares what transformers' own loader makes of
them with the zoo's reference outputs, at the export's shapes and at others.

    python tests/sweep/sweep.py ZOO OUT --child PYTHON [--to dynamo,onnx] [--only a,b] [--every N] [--json FILE]

ZOO holds one folder per checkpoint: config.json, model.safetensors, inputs.safetensors, outputs.safetensors and, for
other shapes, inputs2 and outputs2. PYTHON is an interpreter with transformers and without torch; this script itself
runs in one that has torch.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def request_for(checkpoint, output, to):
    return {"checkpoint": checkpoint, "output": output, "config": {"export_format": to, "dynamic": True},
            "dtype": None, "auto_class": None, "attn_implementation": None, "dynamic": True, "dynamic_shapes": None,
            "inputs": os.path.join(checkpoint, "inputs.safetensors"), "allow_missing": False,
            "trust_remote_code": False}


def export(python, package, request, timeout):
    """The child's answer, or what went wrong with the child itself."""
    environment = {**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"}
    start = time.time()
    try:
        child = subprocess.run([python, "-m", "exformer.frontend.child"], input=json.dumps(request), text=True,
                               capture_output=True, timeout=timeout, env=environment)
    except subprocess.TimeoutExpired:
        return {"ok": False, "message": f"no answer after {timeout} s", "seconds": timeout}
    lines = child.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        answer = {"ok": False, "message": f"the child ended with {child.returncode}: {child.stderr.strip()[-300:]}"}
    return {**answer, "seconds": time.time() - start}


def read(path):
    import json as json_module

    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        names = list(file.keys())
        order = json_module.loads((file.metadata() or {}).get("order", "[]"))
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
        return {name: file.get_tensor(name) for name in names}


def difference(got, wanted):
    """Largest absolute difference over the scale of what is wanted; infinite where kind or shape differ."""
    import torch

    if got.shape != wanted.shape or got.is_floating_point() != wanted.is_floating_point():
        return float("inf")
    if wanted.numel() == 0:
        return 0.0
    if not wanted.is_floating_point():
        return 0.0 if torch.equal(got.to(wanted.dtype), wanted) else 1.0
    got, wanted = got.double(), wanted.double()
    finite = torch.isfinite(wanted)
    if not torch.equal(finite, torch.isfinite(got)):
        return float("inf")
    if not finite.any():
        return 0.0
    scale = max(1.0, wanted[finite].abs().max().item())
    return (got[finite] - wanted[finite]).abs().max().item() / scale


def compare(directory, checkpoint, suffix, tolerance):
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    inputs, wanted = (read(os.path.join(checkpoint, f"{kind}{suffix}.safetensors")) for kind in ("inputs", "outputs"))
    outputs = get_leaf_tensors(ExportedModel.from_pretrained(directory)(**inputs))
    faults = []
    for name, tensor in wanted.items():
        got = outputs.get(name)
        if got is None and name.endswith(("_sliding_window_tensor",)):
            continue
        if got is None:
            faults.append(f"{name} is missing")
            continue
        if "past_key_values" in name and got.shape != tensor.shape and got.dim() == 4:
            got = got[:, :, -tensor.shape[2]:]  # a sliding layer may return all it has seen
        worst = difference(got, tensor)
        if not worst <= tolerance:
            faults.append(f"{name} differs by {worst:.2g} (sizes {list(got.shape)}, wanted {list(tensor.shape)})")
    return faults


def check(directory, checkpoint, tolerance):
    """Empty when both input sets give the reference's outputs."""
    for suffix, label in (("", "at the export's shapes"), ("2", "at other shapes")):
        if not os.path.exists(os.path.join(checkpoint, f"inputs{suffix}.safetensors")):
            continue
        try:
            faults = compare(directory, checkpoint, suffix, tolerance)
        except Exception as error:
            faults = [f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"]
        if faults:
            return f"{label}: {faults[0]}" + (f" and {len(faults) - 1} more" if len(faults) > 1 else "")
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo")
    parser.add_argument("out")
    parser.add_argument("--child", required=True, help="a Python with transformers and without torch")
    parser.add_argument("--package", default=os.path.join(ROOT, "build/release/python"))
    parser.add_argument("--to", default="dynamo,onnx")
    parser.add_argument("--only", help="model types or checkpoint names, with commas")
    parser.add_argument("--every", type=int, default=1, help="take each N-th checkpoint")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--tolerance", type=float, default=2e-4)
    parser.add_argument("--json", help="write the results here")
    parser.add_argument("--keep", action="store_true", help="keep the exports")
    options = parser.parse_args()

    import torch

    torch.set_num_threads(1)
    names = sorted(name for name in os.listdir(options.zoo) if os.path.isdir(os.path.join(options.zoo, name)))
    if options.only:
        wanted = set(options.only.split(","))
        names = [name for name in names if name in wanted or name.split("__")[0] in wanted]
    names = names[:: options.every]
    results = {}
    for to in options.to.split(","):
        for name in names:
            checkpoint, directory = os.path.join(options.zoo, name), os.path.join(options.out, to, name)
            shutil.rmtree(directory, ignore_errors=True)
            answer = export(options.child, options.package, request_for(checkpoint, directory, to), options.timeout)
            fault = f"export: {answer['message']}" if not answer["ok"] else check(directory, checkpoint,
                                                                                 options.tolerance)
            results.setdefault(name, {})[to] = {"fault": fault, "seconds": round(answer["seconds"], 2),
                                                "nodes": answer.get("nodes"),
                                                "specializations": answer.get("specializations")}
            print(f"{to} {name}: {fault or 'right'} ({answer['seconds']:.1f} s)", flush=True)
            if not options.keep:
                shutil.rmtree(directory, ignore_errors=True)
        right = sum(1 for name in names if not results[name][to]["fault"])
        print(f"{to}: {right} of {len(names)} right", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return 0 if all(not result["fault"] for formats in results.values() for result in formats.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
