"""Traces a model: rounds of running its forward on symbolic inputs until nothing new has to be assumed about sizes."""

import contextlib
import json
import sys

from . import (caches, default_inputs, dims, loading, patches, python_names, replacing, samples, scans, vision_grids,
               weight_report)

MAX_ROUNDS = 24
_FLAGS = ("use_cache", "output_hidden_states", "output_attentions", "return_dict")


class Trace:
    """What a finished round leaves for the program."""

    def __init__(self, model, in_spec, kwargs, outputs):
        self.model, self.in_spec, self.kwargs, self.outputs = model, in_spec, kwargs, outputs


def _key_name(key):
    return str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key))))


def _lift_state(core, model):
    """Parameters and buffers become inputs of the graph; each module learns its path."""
    seen = set()
    for name, module in model.named_modules():
        object.__setattr__(module, "_path", name)
        for store in (module._parameters, module._buffers):
            for tensor in store.values():
                if tensor is not None and tensor._key() not in seen:
                    tensor._rebind(core.lift(tensor))
                    seen.add(tensor._key())


def _written_back(outputs, buffers):
    """The outputs; buffers that the forward has put another tensor in the place of are written instead."""
    import torch
    from torch.utils import _pytree

    replaced = [(store, name, tensor) for store, name, tensor in buffers
                if isinstance(store.get(name), torch.Tensor) and store[name] is not tensor]
    if replaced:  # what is returned may be what was there before
        outputs = _pytree.tree_map(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, outputs)
    for store, name, tensor in replaced:
        tensor.copy_(store[name])
        store[name] = tensor
    return outputs


def _symbolic_inputs(core, kwargs, dimensions, model):
    """The same kwargs with every tensor an input of the graph, and the spec of the call."""
    import torch
    from torch.utils import _pytree

    keyed, spec = _pytree.tree_flatten_with_path(((), kwargs))
    leaves = []
    for path, leaf in keyed:
        if not isinstance(leaf, torch.Tensor):
            raise ValueError(f"the input {'.'.join(map(_key_name, path[1:]))} is {leaf!r}, not a tensor")
        name = ".".join(_key_name(key) for key in path[1:])
        sizes = dimensions.sizes_of(name, leaf._sizes())
        leaves.append(torch.Tensor(core.user_input(name, sizes, leaf)))
    inputs = _pytree.tree_unflatten(leaves, spec)[1]
    if caches.has_states(inputs):
        _fix_single_steps(core, inputs, scans.forgets_states(model))
    return caches.entered(inputs), spec


def _fix_single_steps(core, inputs, forgets_states):
    """One token behind the states of a recurrence: models have code of their own for it, which is all that it needs."""
    for name in ("input_ids", "inputs_embeds"):
        length = inputs[name].shape[1] if name in inputs else 1
        if (core.hint(length) if not isinstance(length, int) else length) != 1 and forgets_states:
            raise NotImplementedError(f"several tokens in '{name}' behind states: the model forgets the states there, "
                                      "and takes one token at a time")
        if not isinstance(length, int) and core.hint(length) == 1:
            core.assume_value(core.free_symbols(length)[0], 1, f"the step of one token in '{name}'")


def _is_loaded(path):
    """Whether a dotted path is in a module that is loaded, or in none of a family."""
    return not path.startswith("transformers.models.") or ".".join(path.split(".")[:4]) in sys.modules


@contextlib.contextmanager
def _export_patches(model, flags):
    """transformers' own changes to models that cannot be traced as they are written, without those of other families,
    which would be imported."""
    from transformers.exporters import utils
    from transformers.exporters.exporter_dynamo import patch_model_config, reset_model_state

    found = patches.replacements(model)
    own = {"dynamo": [patch for patch in utils._PATCHES["dynamo"] if _is_loaded(patch[0])]}
    with replacing.replaced(utils, "_PATCHES", own), utils.apply_patches("dynamo"), patches.applied(found), \
            python_names.shadowed(model), reset_model_state(model), patch_model_config(model, flags):
        yield


def _split_constants(kwargs):
    """Kwargs without a tensor (flags, sizes as numbers) are part of the graph."""
    import torch
    from torch.utils import _pytree

    # What preparers compute may have sizes that only a run would tell.
    kwargs = {name: torch.Tensor(torch._state.core.known(value)) if isinstance(value, torch.Tensor)
              and not all(isinstance(size, int) for size in value._sizes()) else value
              for name, value in kwargs.items()}
    constants = {name: value for name, value in kwargs.items()
                 if not any(isinstance(leaf, torch.Tensor) for leaf in _pytree.tree_leaves(value))}
    return {name: value for name, value in kwargs.items() if name not in constants}, constants


def _spelled_out(outputs):
    """Outputs of which one for each image is given back: there have to be as many as in the sample."""
    import torch
    from torch.utils import _pytree

    return _pytree.tree_map(lambda leaf: tuple(leaf) if isinstance(leaf, torch.Pieces) else leaf, outputs)


def _run_round(core, request, dimensions):
    model, report = loading.load_model(request)
    weight_report.check(model, report, request)
    with default_inputs.explained(model, not request["inputs"]):
        return _called(core, request, dimensions, model)


def _called(core, request, dimensions, model):
    import torch
    from torch.utils import _pytree
    from transformers.exporters.exporter_dynamo import register_cache_pytrees_for_model
    from transformers.exporters.utils import prepare_for_export

    if request["inputs"]:
        flat = samples.read_inputs(request["inputs"])
    else:
        flat = default_inputs.default_inputs(model, request["checkpoint"])
    kwargs = samples.nest(flat, model)
    flags = {name: request[name] for name in _FLAGS if request.get(name) is not None}
    for label in samples.LABELS:
        kwargs.pop(label, None)
    beyond = samples.beyond_forward(kwargs, model)
    register_cache_pytrees_for_model(model)
    if getattr(model.config, "return_loss", False):
        model.config.return_loss = False
    with vision_grids.preparers_without_grids(model):
        model, kwargs, _ = prepare_for_export(model, kwargs)
    kwargs, constants = _split_constants(kwargs)
    if request.get("interpolate_pos_encoding") is not None:
        constants["interpolate_pos_encoding"] = request["interpolate_pos_encoding"]
    core.clear_user_inputs()
    _lift_state(core, model)
    inputs, in_spec = _symbolic_inputs(core, kwargs, dimensions, model)
    buffers = [(module._buffers, name, tensor) for module in model.modules()
               for name, tensor in module._buffers.items() if tensor is not None]
    with torch.no_grad(), _export_patches(model, flags):
        torch._state.is_tracing = True
        try:
            outputs = _written_back(_spelled_out(model(**inputs, **constants)), buffers)
        finally:
            torch._state.is_tracing = False
    for name in beyond:
        if name in inputs and not any(core.is_read(leaf) for leaf in _pytree.tree_leaves(inputs[name])):
            raise samples.unknown_input(name, model)
    return Trace(model, in_spec, (kwargs, constants), outputs)


def trace(request):
    """Gives the last round's Trace and the dims it found."""
    import torch

    core = torch._state.core
    dimensions = dims.Dims(core, request["dynamic"], request["dynamic_shapes"])
    try:
        return _rounds(core, request, dimensions), dimensions
    except Exception as fault:
        explained = dimensions.explained(fault)
        if explained is fault:
            raise
        raise explained from fault


def _rounds(core, request, dimensions):
    import torch

    remainders = torch._state.Remainders
    known = known_bounds = known_remainders = 0
    offered = set()
    for _ in range(MAX_ROUNDS):
        torch._state.bounds.clear()
        torch._state.ones.clear()
        remainders.whole = None
        remainders.padded.clear()
        remainders.taken_for_some.clear()
        result, fault, is_restart, first_node = None, None, False, core.node_count
        try:
            result = _run_round(core, request, dimensions)
        except torch._symbols.RestartTrace:
            is_restart = True
        except Exception as error:  # decided below: a round that assumed something runs again
            fault = error
        not_padded = {text for text, is_padded in remainders.padded.items()
                      if not is_padded or core.is_used_behind(first_node, remainders.remainder(text))}
        if is_restart and remainders.whole is None or fault is None and not is_restart and not_padded:
            # What the round has assumed rests on a wrong answer.
            remainders.no_padding |= not_padded
            known, known_bounds, known_remainders = len(core.assumptions), len(core.bounds), len(core.remainders)
            continue
        assumptions = core.assumptions[known:]
        known += len(assumptions)
        if remainders.whole is not None:
            if not dimensions.learn_multiple(remainders.whole, remainders.where):
                remainders.refused.add(str(remainders.whole))
            continue
        learned = dimensions.learn(assumptions, [*torch._state.bounds, *core.bounds[known_bounds:]])
        offers = {str(offer) for offer in [*core.bounds[known_bounds:], *core.remainders[known_remainders:]]} - offered
        known_bounds = len(core.bounds)
        for remainder, where in core.remainders[known_remainders:]:
            learned = dimensions.learn_multiple(remainder, where) or learned
        known_remainders = len(core.remainders)
        offered |= offers
        if not learned and fault is not None and offers:
            continue  # nothing was learned from what the tracer offered: it goes on to its next way out
        if not learned and isinstance(fault, (ValueError, RuntimeError)) and torch._state.ones:
            # The model refuses the other size, of the one that it asked about last: it has to be 1.
            size, where = torch._state.ones[-1]
            learned = dimensions.learn([(core.free_symbols(size)[0], 1, where)], [])
        asked = {*remainders.padded, *remainders.taken_for_some} - remainders.no_padding
        if not learned and fault is not None and asked:
            remainders.no_padding |= asked
            learned = True
        if learned:
            continue
        if fault is not None:
            raise fault
        return result
    if fault is not None:
        raise fault
    raise RuntimeError(f"after {MAX_ROUNDS} rounds sizes are still being fixed: give dynamic_shapes with fewer dims")


def _metadata(traced):
    from transformers.exporters.metadata import _describe_traced_kwarg

    # Kwargs that are part of the graph are left out: the loader drops what is not listed, and the graph does not take
    # them.
    return json.dumps({name: _describe_traced_kwarg(value) for name, value in traced.kwargs[0].items()}), "{}"


def program_request(request, traced, dimensions):
    """What the tracer needs to finish: state by name, outputs, specs, the texts for export.json."""
    import torch
    from torch.utils import _pytree
    from transformers.exporters.utils import module_dtype

    model = traced.model
    parameters = dict(model.named_parameters())
    persistent = set(model.state_dict())
    state = [(name, tensor, True, True) for name, tensor in parameters.items()]
    state += [(name, tensor, False, name in persistent) for name, tensor in model.named_buffers()]
    leaves, out_spec = _pytree.tree_flatten(traced.outputs)
    constants = [[i, leaf] for i, leaf in enumerate(leaves) if not isinstance(leaf, torch.Tensor)]
    for _, leaf in constants:
        if leaf is not None and not isinstance(leaf, (bool, int, float, str, torch.SymInt)):
            raise ValueError(f"the model returns {leaf!r}, which no program can give back")
    kwargs_text, constants_text = _metadata(traced)
    return {
        "state": state,
        "outputs": leaves,
        "in_spec": caches.any_length(_pytree.treespec_dumps(traced.in_spec)),
        "out_spec": _pytree.treespec_dumps(out_spec),
        "allow_missing": request["allow_missing"],
        "architecture": type(model).__name__,
        "dtype": module_dtype(model) or torch.get_default_dtype(),
        "kwargs": kwargs_text,
        "in_constants": constants_text,
        "out_constants": json.dumps([[i, leaf] for i, leaf in constants if not isinstance(leaf, torch.SymInt)]),
        "specializations": dimensions.specializations,
        "narrowed": dimensions.narrowed,
        "longest_sequence": samples.config_integer(model.config, "max_position_embeddings", default=0),
        "config": json.dumps(request["config"]),
        "output": request["output"],
    }
