"""Caches that are inputs or outputs: made of named leaves, and their lengths as sizes, which may be 0."""

import json
import re
import weakref

NAMES = ("past_key_values", "cache_params", "cache")  # of one thing, by version of transformers and family
_HALVES = ("self_attention_cache", "cross_attention_cache")
_left = weakref.WeakKeyDictionary()  # of a sliding layer that is an input: how many tokens have left it


def make(leaves, model):
    """The cache that the model's own forward would make, holding the given leaves: keys and values, states of
    convolutions and recurrences."""
    from transformers import DynamicCache
    from transformers.cache_utils import EncoderDecoderCache

    if any(name.startswith(_HALVES) for name in leaves):
        parts = ({name.removeprefix(half + "."): leaf for name, leaf in leaves.items() if name.startswith(half + ".")}
                 for half in _HALVES)
        return EncoderDecoderCache(*(_filled(DynamicCache(), part) for part in parts))
    own = _own_class(model)
    return _filled(DynamicCache(config=model.config) if own is None else own(), leaves)


def _own_class(model):
    """A family's own kind of DynamicCache (MiniMax), or None."""
    import sys

    from transformers import DynamicCache

    module = sys.modules[type(model).__module__]
    return next((value for value in vars(module).values() if isinstance(value, type) and issubclass(value, DynamicCache)
                 and value.__module__ == module.__name__), None)


def _filled(cache, leaves):
    pairs = {}
    for name, leaf in leaves.items():
        if match := re.fullmatch(r"layers\.(\d+)\.(keys|values)", name):
            pairs.setdefault(int(match[1]), {})[match[2]] = leaf
        elif match := re.fullmatch(r"layers\.(\d+)\.(conv|recurrent)_states\.(\d+)", name):
            _set_state(_state_layer(cache, name, int(match[1])), match[2], int(match[3]), leaf)
        elif match := re.fullmatch(r"layers\.(\d+)\.indexer_keys", name):
            cache.update_indexer(leaf, int(match[1]))
        elif (match := re.fullmatch(r"linear_cache\.(\d+)", name)) and hasattr(cache, "set_linear_cache"):
            cache.set_linear_cache(int(match[1]), leaf)
        elif not name.endswith("_sliding_window_tensor"):
            raise LookupError(f"the cache input '{name}' is not understood")
    for number in sorted(pairs):
        if len(pairs[number]) != 2:
            raise LookupError(f"the cache has only the {next(iter(pairs[number]))} of layer {number}")
        cache.update(pairs[number]["keys"], pairs[number]["values"], number)
    return cache


def _state_layer(cache, name, number):
    layer = cache.layers[number] if number < len(cache.layers) else None
    if not hasattr(layer, "conv_states"):
        raise LookupError(f"the cache input '{name}': layer {number} of this model keeps no such state")
    return layer


def _set_state(layer, kind, index, state):
    """As the layer's first update leaves it."""
    if index >= layer.number_of_states:
        raise LookupError(f"the cache input '{kind}_states.{index}': the layer keeps {layer.number_of_states}")
    layer.lazy_initialization(**{f"{kind}_states": state}, state_idx=index)
    getattr(layer, f"{kind}_states")[index] = state
    layer.has_previous_state[index] = True


def has_states(kwargs):
    """Whether states of a recurrence are among the inputs: what comes behind them is one step or several."""
    caches = [value for name, value in kwargs.items() if name in NAMES]
    return any(any(getattr(layer, "has_previous_state", {}).values()) for cache in caches
               for layer in getattr(cache, "layers", ()))


def entered(kwargs):
    """The kwargs as a forward takes them: states are copies, because models write into them, and sliding layers know
    how many tokens they have let go."""
    for name in NAMES:
        layers = getattr(kwargs.get(name), "layers", ())
        for layer in layers:
            for states in (getattr(layer, "conv_states", {}), getattr(layer, "recurrent_states", {})):
                for index, state in states.items():
                    states[index] = None if state is None else state.clone()
        sliding = [layer for layer in layers if getattr(layer, "is_sliding", False) and layer.is_initialized]
        if sliding and (seen := _seen(layers, kwargs)) is not None:
            for layer in sliding:
                _left[layer] = _checked_difference(seen, layer.keys.shape[-2])
    return kwargs


def _seen(layers, kwargs):
    """How many tokens the cache has seen: as many as a layer keeps that keeps all, or as the mask has before the new
    ones. None where nothing tells: then sliding layers keep all, too."""
    for layer in layers:
        if getattr(layer, "is_initialized", False) and not getattr(layer, "is_sliding", True):
            return layer.keys.shape[-2]
    new, mask = kwargs.get("input_ids", kwargs.get("inputs_embeds")), kwargs.get("attention_mask")
    return mask.shape[1] - new.shape[1] if new is not None and getattr(mask, "ndim", 0) == 2 else None


def _checked_difference(seen, kept):
    import torch

    left = seen - kept
    if isinstance(left, torch.SymInt):
        torch._state.core.check(torch.sym_max(0, left + 1), "a sliding layer keeps at most all tokens")
    return left


def seq_length(self):
    """DynamicLayer.get_seq_length, which asks whether there are elements: where there are none the length is 0 too."""
    return self.keys.shape[-2] if self.is_initialized and self.keys.dim() > 1 else 0


def sliding_seq_length(self):
    """DynamicSlidingWindowLayer.get_seq_length, which counts in a Python number what has come by."""
    return seq_length(self) + _left.get(self, 0)


def sliding_mask_sizes(self, query_length):
    """DynamicSlidingWindowLayer.get_mask_sizes, in the same way."""
    return seq_length(self) + query_length, _left.get(self, 0)


def update_conv_state(self, conv_states, state_idx=0, conv_kernel_size=None, **kwargs):
    """LinearAttentionLayer.update_conv_state, which pads a prompt that is shorter than the kernel: in front of a first
    one there are as many zeros as the kernel has columns, the last columns of both are kept."""
    import torch

    if not self.is_conv_states_initialized[state_idx]:
        self.lazy_initialization(conv_states=conv_states, state_idx=state_idx, conv_kernel_size=conv_kernel_size)
    is_first, width = not self.has_previous_state[state_idx], self.conv_kernel_size[state_idx]
    before = self.conv_states[state_idx]  # zeros, at first
    both = torch.cat([before, conv_states], dim=-1)
    self.conv_states[state_idx] = both.narrow(-1, conv_states.shape[-1], width)
    self.has_previous_state[state_idx] = True
    return conv_states if is_first else both


def keeps_causal_mask(*args, **kwargs):
    """masking_utils._ignore_causal_mask_sdpa: an export never leaves a mask out, and need not ask how long it is."""
    return False


def any_length(in_spec):
    """The spec of a call as text; the number of tokens that its sliding layers have seen matches every one, as their
    sizes are inputs. torch reads Python's own wildcard where it reads a member of an enum."""
    wildcard = {"__enum__": True, "fqn": "unittest.mock:__dict__", "name": "ANY"}

    def opened(part):
        if isinstance(part, list):
            return [opened(item) for item in part]
        if not isinstance(part, dict):
            return part
        return {key: wildcard if key == "cumulative_length" and isinstance(value, int) else opened(value)
                for key, value in part.items()}

    def visit(node):
        if isinstance(node["context"], str):
            node["context"] = json.dumps(opened(json.loads(node["context"])))
        for child in node["children_spec"]:
            visit(child)

    protocol, root = json.loads(in_spec)
    visit(root)
    return json.dumps([protocol, root])


def replacements():
    """[(class, name, value)]"""
    from transformers import masking_utils
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer, LinearAttentionLayer

    # Sliding layers let nothing more go: transformers' own exporters trace them as dynamic ones.
    sliding = DynamicSlidingWindowLayer
    return [(DynamicLayer, "get_seq_length", seq_length), (sliding, "get_seq_length", sliding_seq_length),
            (sliding, "get_mask_sizes", sliding_mask_sizes),
            (LinearAttentionLayer, "update_conv_state", update_conv_state),
            (masking_utils, "_ignore_causal_mask_sdpa", keeps_causal_mask)]
