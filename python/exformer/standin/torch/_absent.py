"""Names of torch that are not here: they can be imported and compared with, and say so when they are used."""

import importlib.abc
import importlib.machinery
import sys
import types

from ._symbols import caller


class AbsentError(NotImplementedError):
    """Model code uses a part of torch that is not built."""


def _fail(name):
    raise AbsentError(f"{caller()}: {name} is not supported")


class AbsentType(type):
    """A class that nothing is an instance of."""

    def __call__(cls, *args, **kwargs):
        _fail(f"{cls.__module__}.{cls.__qualname__}")

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{cls.__module__}.{cls.__qualname__}", name)

    def __getitem__(cls, key):
        return cls

    def __or__(cls, other):
        return cls

    __ror__ = __or__


class AbsentFunction:
    def __init__(self, full_name):
        self.__name__ = self.__qualname__ = full_name.rpartition(".")[2]
        self.__module__ = full_name.rpartition(".")[0]

    def __call__(self, *args, **kwargs):
        _fail(f"{self.__module__}.{self.__name__}")

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{self.__module__}.{self.__name__}", name)

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __repr__(self):
        return f"<absent {self.__module__}.{self.__name__}>"


def absent(module, name):
    if name.lstrip("_")[:1].isupper() and not name.isupper():
        return AbsentType(name, (), {"__module__": module})
    return AbsentFunction(f"{module}.{name}")


class AbsentModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__ == "torch" and name not in _IMPORTED:
            raise AttributeError(f"{caller()}: torch.{name} is not supported")
        value = absent(self.__name__, name)
        setattr(self, name, value)
        return value


# Parts of torch that transformers imports by name without using them in a forward pass.
_IMPORTED = set()


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Any torch.* module without a file: one whose names are all absent."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith("torch."):
            return None
        spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
        spec.submodule_search_locations = []
        return spec

    def create_module(self, spec):
        return AbsentModule(spec.name)

    def exec_module(self, module):
        pass


def install():
    sys.meta_path.append(Finder())
