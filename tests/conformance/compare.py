"""Reads case files, rebuilds forward kwargs from leaves, and compares output leaves."""

import json
import re
from pathlib import Path
from unittest import mock

import torch
from safetensors import safe_open
from torch.utils import _pytree as pytree

import tolerances

# A sliding layer's window size travels as a 0-d tensor in the reference's own exports; it is no output of the model.
NOT_COMPARED = re.compile(r"\._sliding_window_tensor$")
CACHE_LEAF = re.compile(r"past_key_values\.layers\.\d+\.(keys|values)$")


def read_leaves(path):
    """{leaf path: tensor} in the order that the writer recorded (by name where it recorded none)."""
    with safe_open(path, "pt") as file:
        order = json.loads((file.metadata() or {}).get("order", "null")) or list(file.keys())
        return {name: file.get_tensor(name) for name in order}


def _of_no_length(spec):
    """The spec with 0 in place of wildcards: what sliding layers have seen, which an export leaves open."""
    def closed(context):
        if context is mock.ANY:
            return 0
        if isinstance(context, dict):
            return {key: closed(value) for key, value in context.items()}
        return [closed(value) for value in context] if isinstance(context, list) else context

    return pytree.TreeSpec(spec.type, closed(spec.context), spec.children_specs)


def cache_from_spec(spec, leaves, prefix):
    """A cache as the export's own input spec describes it, holding `leaves`."""
    from transformers.exporters.utils import get_leaf_tensors

    spec = _of_no_length(spec)
    numbered = pytree.tree_unflatten([torch.tensor(i) for i in range(spec.num_leaves)], spec)
    values = [None] * spec.num_leaves
    for path, number in get_leaf_tensors(numbered).items():
        if NOT_COMPARED.search("." + path):
            layer = int(re.search(r"layers\.(\d+)", path).group(1))
            values[int(number)] = torch.tensor(numbered.layers[layer].sliding_window)
        else:
            values[int(number)] = leaves[f"{prefix}.{path}"]
    return pytree.tree_unflatten(values, spec)


def forward_kwargs(export_dir, leaves, component="model"):
    """The kwargs to call an exported model with: tensors as they are, caches rebuilt from the manifest's in_spec."""
    from transformers.exporters.metadata import load_treespec

    metadata = json.loads((Path(export_dir) / "export.json").read_text())["components"][component]["metadata"]
    kwargs = {name: tensor for name, tensor in leaves.items() if "." not in name}
    nested = {name.split(".")[0] for name in leaves if "." in name}
    if nested:
        spec = load_treespec(metadata["in_spec"]).children_specs[1]
        for name in nested:
            kwargs[name] = cache_from_spec(spec.children_specs[spec.context.index(name)], leaves, name)
    return kwargs


def relative_error(ours, theirs):
    ours, theirs = ours.detach().float(), theirs.detach().float()
    if ours.numel() == 0:
        return 0.0
    both_nan = ours.isnan() & theirs.isnan()
    difference = torch.where(both_nan | (ours == theirs), torch.zeros(()), (ours - theirs).abs())
    if difference.isnan().any():
        return float("inf")
    finite = theirs[theirs.isfinite()].abs()
    scale = max(tolerances.SMALLEST_SCALE, float(finite.max()) if finite.numel() else 0.0)
    return float(difference.max()) / scale


def same_window(ours, theirs, name):
    """Eager transformers keeps only the last window - 1 positions of a sliding layer; an export may return them all."""
    if CACHE_LEAF.search(name) and ours.dim() == 4 and ours.shape[-2] > theirs.shape[-2]:
        return ours[..., ours.shape[-2] - theirs.shape[-2]:, :]
    return ours


def differences(ours, theirs, dtype="float32", exact=None):
    """Lines describing every leaf of `theirs` that `ours` lacks or does not match; empty when all agree."""
    problems = []
    theirs = {name: value for name, value in theirs.items() if not NOT_COMPARED.search(name)}
    ours = {name: value for name, value in ours.items() if not NOT_COMPARED.search(name)}
    for name in ours.keys() - theirs.keys():
        problems.append(f"{name}: not among the model's outputs")
    for name, expected in theirs.items():
        if name not in ours:
            problems.append(f"{name}: missing, there are {list(ours)}")
            continue
        value = same_window(ours[name], expected, name)
        if value.shape != expected.shape:
            problems.append(f"{name}: shape {tuple(value.shape)} instead of {tuple(expected.shape)}")
        elif value.dtype != expected.dtype:
            problems.append(f"{name}: dtype {value.dtype} instead of {expected.dtype}")
        else:
            rounding = None if exact is None else relative_error(expected, exact[name])
            limit = tolerances.allowed(dtype, rounding)
            error = relative_error(value, expected)
            if not error <= limit:
                problems.append(f"{name} {tuple(expected.shape)}: relative error {error:.3g} > {limit:.3g}")
    return problems


def check_case(program, case, outputs, dtype):
    """Compare output leaves with a case's stored ones; the message names the case's shape."""
    expected = read_leaves(program / case["outputs"])
    exact = read_leaves(program / case["exact"]) if "exact" in case else None
    shape = ", ".join(f"{k} {case[k]}" for k in ("batch", "choices", "past", "sequence", "padding") if k in case)
    return [f"[{shape}] {problem}" for problem in differences(outputs, expected, dtype, exact)]
