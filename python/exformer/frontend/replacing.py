"""What patches of transformers' models share: the modules of modeling code that are loaded, and attributes replaced for
a while."""

import contextlib
import sys


def modeling(family):
    """The family's modeling module, or None where it is not loaded."""
    return sys.modules.get(f"transformers.models.{family}.modeling_{family}")


def model_modules():
    """[(name, module)] of transformers' models as far as they are loaded."""
    return [(name, module) for name, module in list(sys.modules.items()) if name.startswith("transformers.models.")]


@contextlib.contextmanager
def replaced(owner, name, value):
    """Another attribute for a while."""
    saved = vars(owner).get(name, getattr(owner, name))  # a static method stays one
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, saved)
