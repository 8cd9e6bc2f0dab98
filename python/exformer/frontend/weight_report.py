"""What transformers says did not fit between a checkpoint and its class: what makes another model of it is an error,
which names the way out. What transformers leaves out by design is not in its report."""

from exformer import _core


def check(model, report, request):
    """Throws for parameters without a tensor, and for tensors that a module of the model ought to have a place for."""
    missing, surplus = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    quantized = _core.quantized_tensor(surplus)
    if quantized and not request.get("allow_surplus"):
        raise NotImplementedError(f"the weights in '{request['checkpoint']}' are quantized ('{quantized}'), which is "
                                  "not supported: export the unquantized checkpoint")
    if missing and not request["allow_missing"]:
        raise ValueError(f"the checkpoint lacks weights of {type(model).__name__}: {_listed(missing)} "
                         f"({_advice(model, missing)})")
    surplus = [key for key in surplus if _has_no_place(model, key)]
    if surplus and not request.get("allow_surplus"):
        raise ValueError(f"the checkpoint has weights that {type(model).__name__} has no place for, as if its config "
                         f"were another one: {_listed(surplus)} (allow_surplus=true leaves them out)")


def _listed(names):
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _advice(model, missing):
    prefix = model.base_model_prefix
    is_head = prefix and hasattr(model, prefix) and not any(name.startswith(prefix + ".") for name in missing)
    if is_head:
        return "the head; --task feature-extraction exports the model without it, allow_missing=true makes it zeros"
    return "allow_missing=true makes them zeros"


def _has_no_place(model, key):
    """True for another layer of a list, and for a weight or bias of a module that has no such one. Modules that are not
    there at all belong to other heads and other versions: transformers leaves them out."""
    parent, _, name = key.rpartition(".")
    if name not in ("weight", "bias"):
        return False
    modules = dict(model.named_modules())
    prefix = model.base_model_prefix + "."
    for path in (parent, prefix + parent, parent.removeprefix(prefix)):
        if path in modules:
            module = modules[path]
            return "weight" in module._parameters and name not in module._buffers
        while path and path not in modules:
            path, _, rest = path.rpartition(".")
            if path in modules and rest.isdigit():
                return type(modules[path]).__name__ == "ModuleList"
    return False
