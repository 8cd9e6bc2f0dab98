"""The side that compares: runs with the real torch, loads an export with transformers' own loader and holds its outputs
to the reference's.

A request: directory of the export, checkpoint, tolerance, limit. The answer: fault, empty when all is right."""

import json
import os
import sys
import warnings

import fork_server

warnings.filterwarnings("ignore")


def read(path):
    """Tensors by name, in the order of the file's `order` metadata."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        names = list(file.keys())
        order = json.loads((file.metadata() or {}).get("order", "[]"))
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


def prepared(directory, checkpoint, inputs):
    """The inputs, with those that transformers' input preparers add where the program takes them."""
    with open(os.path.join(directory, "export.json"), encoding="utf-8") as file:
        taken = set(json.load(file)["components"]["model"]["metadata"]["kwargs"])
    if taken <= {name.partition(".")[0] for name in inputs}:
        return inputs
    import transformers
    from transformers.exporters.utils import prepare_for_export

    config = transformers.AutoConfig.from_pretrained(checkpoint)
    model = getattr(transformers, config.architectures[0]).from_pretrained(checkpoint).eval()
    return {name: value for name, value in prepare_for_export(model, dict(inputs))[1].items() if name in taken}


def faults_of(exported, request, suffix):
    from transformers.exporters.utils import get_leaf_tensors

    checkpoint, tolerance = request["checkpoint"], request["tolerance"]
    inputs, wanted = (read(os.path.join(checkpoint, f"{kind}{suffix}.safetensors")) for kind in ("inputs", "outputs"))
    inputs = prepared(request["directory"], checkpoint, inputs)
    outputs = get_leaf_tensors(exported(**inputs))
    faults = []
    for name, tensor in wanted.items():
        got = outputs.get(name)
        if got is None and name.endswith("_sliding_window_tensor"):
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


def handle(request):
    """Both input sets, the export's own shapes first."""
    from transformers.exporters import ExportedModel

    exported = None
    for suffix, label in (("", "at the export's shapes"), ("2", "at other shapes")):
        if not os.path.exists(os.path.join(request["checkpoint"], f"inputs{suffix}.safetensors")):
            continue
        try:
            exported = exported or ExportedModel.from_pretrained(request["directory"])
            faults = faults_of(exported, request, suffix)
        except Exception as error:
            faults = [f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"]
        if faults:
            return {"fault": f"{label}: {faults[0]}" + (f" and {len(faults) - 1} more" if len(faults) > 1 else "")}
    return {"fault": ""}


def main():
    import torch

    torch.set_num_threads(1)
    import executorch.runtime  # noqa: F401
    import onnxruntime  # noqa: F401
    import torch.export.pt2_archive  # noqa: F401
    import transformers.exporters.exporter_dynamo  # noqa: F401
    import transformers.exporters.exporter_executorch  # noqa: F401
    import transformers.exporters.exporter_onnx  # noqa: F401

    fork_server.serve(handle)


if __name__ == "__main__":
    sys.exit(main())
