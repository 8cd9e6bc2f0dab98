from . import _pytree, checkpoint


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    import importlib

    return importlib.import_module("torch.utils." + name)


__all__ = ["_pytree", "checkpoint"]
