"""torch.ops: the registry's ops by their ATen names, and custom ops."""

from . import _state, library


class _Overload:
    def __init__(self, name):
        self.name = name

    def __call__(self, *args, **kwargs):
        return _state.core.call(self.name, args, kwargs)

    def __getattr__(self, overload):
        if overload.startswith("__"):
            raise AttributeError(overload)
        return self


class _Namespace:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, op):
        if op.startswith("__"):
            raise AttributeError(op)
        custom = library._OPS.get(f"{self._name}::{op}")
        if custom is not None:
            return custom
        if self._name in ("aten", "prims", "prim"):  # one that the registry lacks says so when it is called
            return _Overload(op)
        raise AttributeError(f"torch.ops.{self._name}.{op} is not known")


class _Ops:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Namespace(name)

    def load_library(self, path):
        raise NotImplementedError("torch.ops.load_library")


ops = _Ops()
