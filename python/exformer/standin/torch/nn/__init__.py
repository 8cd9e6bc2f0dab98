from . import functional, init, parameter
from .modules import *  # noqa: F403
from .modules import FILES as _FILES
from .modules import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
from . import attention, modules, utils  # noqa: E402


def _name_files():
    import sys

    for name, module in _FILES.items():
        sys.modules[f"torch.nn.modules.{name}"] = module
        setattr(modules, name, module)


_name_files()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    from .._absent import absent

    if name[:1].isupper():
        return type(name, (Module,), {"__module__": "torch.nn", "__init__": _absent_init(name)})
    return absent("torch.nn", name)


def _absent_init(name):
    def __init__(self, *args, **kwargs):
        from .._absent import _fail

        _fail(f"torch.nn.{name}")

    return __init__


__all__ = ["Module", "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer", "functional", "init",
           "parameter", "attention", "modules", "utils"]
