"""Judges calls of an export: the reference is the model as transformers loads it, the answer is what transformers' own
loader makes of the file. Each call runs in a process of its own: some models keep what the last call decided."""

import json
import os
import re

import fork_server

RIGHT, WRONG, REFUSED, CRASHED = "right", "wrong", "refused", "crashed"
NOT_LEGAL = "transformers refuses"
TOLERANCE = 1e-4
SMALLEST_SCALE = 1e-2  # a tensor whose values are all smaller is held to this one's tolerance
PER_VALUE = 10  # what one value may be off by, in tolerances of its own size
LAST_PLACES = 1e-6  # of float32
HUGE = 1e30  # what stands for minus infinity in masks
NOT_COMPARED = re.compile(r"(^|\.)_sliding_window_tensor$")
CHATTER = re.compile(r"\[cpuinfo_utils\.cpp:\d+\][^\[]*")  # of ExecuTorch's runtime, about the machine
CACHES = ("past_key_values", "cache_params")
HALVES = ("self_attention_cache.", "cross_attention_cache.")


def read(path):
    """Tensors by name, in the order of the file's `order` metadata."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        names = list(file.keys())
        order = json.loads((file.metadata() or {}).get("order", "[]"))
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
        return {name: file.get_tensor(name) for name in names}


def write(tensors, path):
    from safetensors.torch import save_file

    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path,
              metadata={"order": json.dumps(list(tensors))})


def paths_of(folder, number):
    """Where the inputs of a call and transformers' outputs for it lie."""
    return {kind: os.path.join(folder, f"{kind}{number}.safetensors") for kind in ("inputs", "outputs")}


def cache_of(leaves, config):
    """A DynamicCache, or a pair of them, that holds these keys, values and states."""
    from transformers import DynamicCache
    from transformers.cache_utils import EncoderDecoderCache

    if any(name.startswith(HALVES) for name in leaves):
        return EncoderDecoderCache(*[cache_of({name[len(half):]: leaf for name, leaf in leaves.items()
                                               if name.startswith(half)}, None) for half in HALVES])
    cache = DynamicCache(config=config) if config is not None else DynamicCache()
    keys = {}
    for name, leaf in leaves.items():
        _, layer, kind, *number = name.split(".")
        layer = int(layer)
        if kind == "keys":
            keys[layer] = leaf
        elif kind == "values":
            cache.update(keys[layer], leaf, layer)
        elif kind == "conv_states":
            cache.update_conv_state(leaf, layer, int(number[0]))
        elif kind == "recurrent_states":
            cache.update_recurrent_state(leaf, layer, int(number[0]))
        elif not NOT_COMPARED.search(name):
            raise LookupError(f"no cache is made of '{name}'")
    return cache


def nest(flat, config):
    """Forward kwargs: dotted names become caches, outputs of an encoder, lists and dicts."""
    from transformers.modeling_outputs import BaseModelOutput

    kwargs, groups = {}, {}
    for name, tensor in flat.items():
        head, _, rest = name.partition(".")
        if rest:
            groups.setdefault(head, {})[rest] = tensor.clone()
            kwargs[head] = None
        else:
            kwargs[name] = tensor.clone()
    for head, leaves in groups.items():
        if head in CACHES:
            kwargs[head] = cache_of(leaves, config)
        elif head == "encoder_outputs":
            kwargs[head] = BaseModelOutput(**leaves)
        elif all(name.isdigit() for name in leaves):
            kwargs[head] = [leaves[name] for name in sorted(leaves, key=int)]
        else:
            kwargs[head] = leaves
    return kwargs


def same_window(got, wanted, name):
    """Eager transformers keeps only the last positions of a sliding layer; an export may return all it has seen."""
    is_cache = name.split(".")[0] in CACHES or "past_key_values" in name
    if is_cache and got.dim() == 4 and wanted.dim() == 4 and got.shape[2] > wanted.shape[2]:
        return got[:, :, got.shape[2] - wanted.shape[2]:]
    return got


def difference(got, wanted):
    """The largest difference of two tensors over the size of what is wanted: 0 when they are equal, infinite where
    kind, shape or the places of what is not finite differ."""
    import torch

    if got.shape != wanted.shape or got.is_floating_point() != wanted.is_floating_point():
        return float("inf")
    if wanted.numel() == 0:
        return 0.0
    if not wanted.is_floating_point():
        return 0.0 if torch.equal(got.to(wanted.dtype), wanted) else 1.0
    got, wanted = got.double(), wanted.double()
    ordinary = wanted.abs() < HUGE
    if not torch.equal(ordinary, got.abs() < HUGE) or not torch.equal(wanted.isnan(), got.isnan()):
        return float("inf")
    if not torch.equal(wanted[~ordinary] > 0, got[~ordinary] > 0):
        return float("inf")
    if not ordinary.any():
        return 0.0
    got, wanted = got[ordinary], wanted[ordinary]
    scale = max(SMALLEST_SCALE, wanted.abs().max().item())
    return ((got - wanted).abs() / (scale + PER_VALUE * wanted.abs())).max().item()


def differences(got, wanted, tolerance=TOLERANCE, ignore=()):
    """A line for each leaf of `wanted` that `got` lacks or does not match."""
    faults = []
    for name, tensor in wanted.items():
        if NOT_COMPARED.search(name) or any(re.search(pattern, name) for pattern in ignore):
            continue
        if name not in got:
            faults.append(f"{name} is missing")
            continue
        value = same_window(got[name], tensor, name)
        worst = difference(value, tensor)
        if not worst <= tolerance:
            faults.append(f"{name} differs by {worst:.2g} (sizes {list(value.shape)}, wanted {list(tensor.shape)})")
    return faults


def load_model(checkpoint, trust_remote_code=False):
    """The class that the config names first, else the one that transformers takes."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(checkpoint, trust_remote_code=trust_remote_code)
    name = (config.architectures or [None])[0]
    has_own = trust_remote_code and getattr(config, "auto_map", None)
    found = None if has_own or name is None else getattr(transformers, name, None)
    if found is not None:
        return found.from_pretrained(checkpoint).eval()
    auto = next((key for key in getattr(config, "auto_map", None) or {} if key.startswith("AutoModel")), "AutoModel")
    return getattr(transformers, auto).from_pretrained(checkpoint, trust_remote_code=trust_remote_code).eval()


def reference(model, flat, flags):
    """The outputs of one call by leaf name."""
    import torch
    from transformers.exporters.utils import get_leaf_tensors

    with torch.no_grad():
        torch.manual_seed(0)
        return get_leaf_tensors(model(**nest(flat, model.config), **flags))


def write_reference(model, call, flags, limit):
    """Runs one call and writes what it gives; the words with which transformers refuses it, empty when it does not."""
    def run():
        try:
            outputs = reference(model, read(call["inputs"]), flags)
        except Exception as error:
            return {"fault": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        write(outputs, call["outputs"])
        return {"fault": ""}

    return fork_server.in_fork(run, limit)["fault"]


def lowest_index_topk(input, k, dim=-1, largest=True, sorted=True):
    """torch.topk, which takes the first of equal values."""
    import torch

    found = torch.sort(input, dim=dim, descending=largest, stable=True)
    return torch.return_types.topk((found.values.narrow(dim, 0, k), found.indices.narrow(dim, 0, k)))


def swapping_topk(first):
    """torch.topk with neighbours the other way round where they differ in the last places: the pairs of ranks that
    begin at `first`, `first` + 2 and so on, the first value that is left out included."""
    def topk(input, k, dim=-1, largest=True, sorted=True):
        import torch

        found = torch.sort(input, dim=dim, descending=largest, stable=True)
        values, indices = found.values.movedim(dim, -1), found.indices.movedim(dim, -1).clone()
        last = min(k + 1, values.shape[-1])
        ranks = torch.arange(first, last - 1, 2)
        left, right = values[..., ranks], values[..., ranks + 1]
        near = (left - right).abs() <= LAST_PLACES * values.abs().amax(-1, keepdim=True)
        pairs = indices[..., ranks], indices[..., ranks + 1]
        indices[..., ranks], indices[..., ranks + 1] = (torch.where(near, *pairs[::-1]), torch.where(near, *pairs))
        indices = indices[..., :k].movedim(-1, dim)
        return torch.return_types.topk((input.gather(dim, indices), indices))

    return topk


def is_steady(model, call, limit):
    """Whether the call determines its outputs: not where weights that differ in the last places give others (another
    expert, another of two maxima), nor where it depends on which of equal or nearly equal values torch.topk takes."""
    import torch

    def outputs_are_the_same():
        faults = differences(reference(model, read(call["inputs"]), {}), read(call["outputs"]))
        return {"fault": faults[0] if faults else ""}

    def other_weights():
        generator = torch.Generator().manual_seed(0)
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.data *= 1 + LAST_PLACES * torch.randn(parameter.shape, generator=generator)
        return outputs_are_the_same()

    def with_topk(topk):
        torch.topk = torch.Tensor.topk = topk
        return outputs_are_the_same()

    other_ties = [lambda topk=topk: with_topk(topk) for topk in (lowest_index_topk, swapping_topk(0), swapping_topk(1))]
    return not any(fork_server.in_fork(run, limit)["fault"] for run in (other_weights, *other_ties))


def prepared(directory, checkpoint, inputs):
    """The inputs, with those that transformers' input preparers add where the program takes them."""
    with open(os.path.join(directory, "export.json"), encoding="utf-8") as file:
        taken = set(json.load(file)["components"]["model"]["metadata"]["kwargs"])
    if taken <= {name.partition(".")[0] for name in inputs}:
        return inputs
    from transformers.exporters.utils import prepare_for_export

    return {name: value for name, value in prepare_for_export(load_model(checkpoint), dict(inputs))[1].items()
            if name in taken}


def run(exported, request, call):
    """What the file gives for one call."""
    from transformers.exporters.utils import get_leaf_tensors

    inputs = prepared(request["directory"], request["checkpoint"], read(call["inputs"]))
    inputs = {name: value.to(exported.dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    return get_leaf_tensors(exported(**nest(inputs, exported.config)))


def names_condition(text, names):
    """Whether a message says of an input what it has to be."""
    words = set(re.findall(r"\w+", text))
    return bool(re.search(r"must|to be|[Ee]xpected", text)) and any(name.split(".")[0] in words for name in names)


def judge_call(load, request, call):
    """The verdict on one call, with the file's own words."""
    is_legal = os.path.exists(call["outputs"])
    try:
        got = run(load(), request, call)
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        if request["format"] == "executorch":  # the reason stands in the runtime's log alone
            text = f"{text} {CHATTER.sub('', fork_server.said())}"
        is_named = names_condition(text, read(call["inputs"]))
        verdict = {"verdict": REFUSED, "said": text[:1000], "named": is_named}
        return verdict if is_legal else {**verdict, "verdict": NOT_LEGAL}
    if not is_legal:
        return {"verdict": NOT_LEGAL, "said": "", "named": False}
    faults = differences(got, read(call["outputs"]), request["tolerance"], request.get("ignore", ()))
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return {"verdict": WRONG, "said": faults[0] + more} if faults else {"verdict": RIGHT}


def judge(request):
    """The verdicts on the calls of an export. A request: directory, format, checkpoint, tolerance, limit, and calls: of
    each the file of its inputs and the one of transformers' outputs, which is not there when transformers refuses."""
    from transformers.exporters import ExportedModel

    kept = []
    if request["format"] == "dynamo":  # the others start threads, which a fork would lose
        try:
            kept.append(ExportedModel.from_pretrained(request["directory"], trust_remote_code=request.get("trust")))
        except Exception as error:
            text = f"does not load: {' '.join(f'{type(error).__name__}: {error}'.split())[:300]}"
            return {"calls": [{"verdict": CRASHED, "said": text}] * len(request["calls"])}

    def load():
        return kept[0] if kept else ExportedModel.from_pretrained(request["directory"],
                                                                  trust_remote_code=request.get("trust"))

    verdicts = []
    for call in request["calls"]:
        found = fork_server.in_fork(lambda call=call: judge_call(load, request, call), request["limit"])
        verdicts.append(found if "verdict" in found else {"verdict": CRASHED, "said": found["fault"]})
    return {"calls": verdicts}
