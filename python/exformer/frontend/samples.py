"""The example call: forward kwargs from a safetensors file, and their nesting."""

import difflib
import inspect
import re
import sys

from exformer import _core

from . import caches

LABELS = ("labels", "future_values")  # losses are not exported


def read_inputs(path):
    """Constant tensors by name, in the order of the file's `order` metadata."""
    import json

    from .loading import MappedSlice

    file = _core.open_safetensors(path)
    names = list(file.names)
    if "order" in file.metadata:
        order = json.loads(file.metadata["order"])
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
    return {name: MappedSlice(file, name).tensor().clone() for name in names}


def config_integer(config, *names, default=None):
    """The first of these fields that the config or one of its parts has."""
    for name in names:
        for holder in (config, getattr(config, "text_config", None), getattr(config, "vision_config", None),
                       getattr(config, "audio_config", None), getattr(config, "encoder", None)):
            value = getattr(holder, name, None) if holder is not None and not isinstance(holder, dict) else None
            if isinstance(value, (list, tuple)) and value:
                value = value[0]
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return default


def forward_name(head, model):
    """The kwarg of forward; a cache goes by the name that this version and family give it."""
    names = inspect.signature(model.forward).parameters
    if head in names or head not in caches.NAMES:
        return head
    return next((name for name in caches.NAMES if name in names), head)


def beyond_forward(kwargs, model):
    """Those that forward has no parameter for. It may take them as **kwargs, and drop them: what no line of the model's
    code names is an error here, of the others the trace tells whether they are read."""
    names = inspect.signature(model.forward).parameters
    found = [name for name in kwargs if name not in names]
    if found:
        modules = {sys.modules[type(module).__module__] for module in model.modules()}
        words = set(re.findall(r"\w+", " ".join(map(inspect.getsource, modules))))
        for name in found:
            if name.removeprefix("decoder_") not in words:  # pairs of models take the prefix off
                raise unknown_input(name, model)
    return found


def unknown_input(name, model):
    """The error for an input that the model does not read."""
    parameters = inspect.signature(model.forward).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD]
    nearest = difflib.get_close_matches(name, names, n=3)
    hint = f" (nearest: {', '.join(nearest)})" if nearest else ""
    return LookupError(f"input '{name}' is not known to this model{hint}; it takes {', '.join(names)}")


def nest(flat, model):
    """Forward kwargs: dotted names become caches, model outputs, lists and dicts."""
    from transformers.modeling_outputs import BaseModelOutput

    kwargs, groups = {}, {}
    for name, tensor in flat.items():
        head, _, rest = name.partition(".")
        head = forward_name(head, model)
        if not rest:
            kwargs[head] = tensor
            continue
        if head not in groups:
            groups[head] = {}
            kwargs[head] = None
        groups[head][rest] = tensor
    for head, leaves in groups.items():
        if head in caches.NAMES:
            kwargs[head] = caches.make(leaves, model)
        elif head == "encoder_outputs":
            kwargs[head] = BaseModelOutput(**leaves)
        elif all(name.isdigit() for name in leaves):
            kwargs[head] = [leaves[name] for name in sorted(leaves, key=int)]
        else:
            kwargs[head] = leaves
    return kwargs
