"""The example call: forward kwargs from a safetensors file, and their nesting."""

import re

from exformer import _core


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


def _cache_from_leaves(leaves, config):
    """A DynamicCache (or an encoder-decoder pair) holding the given keys and values."""
    from transformers import DynamicCache
    from transformers.cache_utils import EncoderDecoderCache

    if any(name.startswith(("self_attention_cache.", "cross_attention_cache.")) for name in leaves):
        halves = []
        for half in ("self_attention_cache.", "cross_attention_cache."):
            part = {name[len(half):]: leaf for name, leaf in leaves.items() if name.startswith(half)}
            halves.append(_cache_from_leaves(part, None))
        return EncoderDecoderCache(*halves)
    cache = DynamicCache(config=config) if config is not None else DynamicCache()
    layers = {}
    for name, leaf in leaves.items():
        match = re.fullmatch(r"layers\.(\d+)\.(keys|values)", name)
        if match:
            layers.setdefault(int(match[1]), {})[match[2]] = leaf
        elif not name.endswith("_sliding_window_tensor"):
            raise LookupError(f"the cache input '{name}' is not understood")
    for number in sorted(layers):
        cache.update(layers[number]["keys"], layers[number]["values"], number)
    return cache


def nest(flat, model):
    """Forward kwargs: dotted names become caches, model outputs, lists and dicts."""
    from transformers.modeling_outputs import BaseModelOutput

    kwargs, groups = {}, {}
    for name, tensor in flat.items():
        head, _, rest = name.partition(".")
        if not rest:
            kwargs[name] = tensor
            continue
        if head not in groups:
            groups[head] = {}
            kwargs[head] = None
        groups[head][rest] = tensor
    for head, leaves in groups.items():
        if head == "past_key_values":
            kwargs[head] = _cache_from_leaves(leaves, model.config)
        elif head == "encoder_outputs":
            kwargs[head] = BaseModelOutput(**leaves)
        elif all(name.isdigit() for name in leaves):
            kwargs[head] = [leaves[name] for name in sorted(leaves, key=int)]
        else:
            kwargs[head] = leaves
    return kwargs
