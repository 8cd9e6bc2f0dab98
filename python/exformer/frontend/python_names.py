"""Python's own functions as modeling code uses them on symbolic sizes and on tensors whose length is one: they can only
give integers and lists of a known length, their stand-ins keep sizes symbolic."""

import builtins
import contextlib

from .replacing import model_modules, replaced


def symbolic_len(value):
    """The first size of a tensor, the number of steps of a range."""
    import torch

    if isinstance(value, torch.Progression):
        return value.length()
    return value.size(0) if isinstance(value, torch.Tensor) and value.dim() > 0 else builtins.len(value)


def symbolic_range(*bounds):
    """The numbers, where it is known how many there are although the bounds are not: range(0, length, length). Else an
    object that can be cut and made a tensor; a loop over it fixes the sizes."""
    from torch import Progression, SymInt

    if not any(isinstance(bound, SymInt) for bound in bounds):
        return builtins.range(*bounds)
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    steps = -((start - stop) // step)
    if isinstance(steps, SymInt):
        return Progression(start, step, steps)
    return [start + number * step for number in builtins.range(steps)]


class _ListType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, builtins.list)

    def __call__(cls, *args):
        from torch import Progression, Rows, SymInt, Tensor

        if args and isinstance(args[0], Progression):
            return args[0]
        if args and isinstance(args[0], Tensor) and args[0].dim() > 0 and isinstance(args[0].size(0), SymInt):
            return Rows(args[0])
        return builtins.list(*args)


class symbolic_list(builtins.list, metaclass=_ListType):
    """`list`; of a tensor with a symbolic first size, its rows as one object."""


class _IntType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, builtins.int)

    def __call__(cls, *args):
        from torch import SymFloat, SymInt, Tensor

        number = args[0].item() if args and isinstance(args[0], Tensor) else args[0] if args else 0
        if isinstance(number, (SymInt, SymFloat)):
            return number.__trunc__()
        return builtins.int(*args)


class symbolic_int(builtins.int, metaclass=_IntType):
    """`int`, which leaves sizes as they are."""


def symbolic_min(*values, **options):
    """`min`; of two sizes that no bound can tell apart, without a comparison that every run would have to repeat."""
    import torch

    return torch.sym_min(*values) if _are_sizes(values, options) else builtins.min(*values, **options)


def symbolic_max(*values, **options):
    """`max`, in the same way, where both are sizes. Beside a number it is what code pads by or starts at, and what
    follows is simpler on one side of it."""
    import torch

    return torch.sym_max(*values) if _stays_open(values, options) else builtins.max(*values, **options)


def _are_sizes(values, options):
    from torch import SymInt

    return (len(values) == 2 and not options and all(isinstance(value, (int, SymInt)) for value in values)
            and any(isinstance(value, SymInt) for value in values))


def _stays_open(values, options):
    """Two sizes of different symbols, or one that is 0 or 1 in the sample, which a comparison would take for more."""
    from torch import SymInt, _state

    core = _state.core
    if not _are_sizes(values, options):
        return False
    if any(isinstance(value, SymInt) and core.hint(value) in (0, 1) for value in values):
        return True
    difference = values[0] - values[1]
    return isinstance(difference, SymInt) and len(core.free_symbols(difference)) > 1


_NAMES = {"int": symbolic_int, "len": symbolic_len, "range": symbolic_range, "list": symbolic_list,
          "min": symbolic_min, "max": symbolic_max}


@contextlib.contextmanager
def shadowed(model):
    """In the modules of the model's classes, and in transformers' code that they share."""
    paths = {type(module).__module__ for module in model.modules()}
    modules = [module for path, module in model_modules() if path in paths]
    with contextlib.ExitStack() as undo:
        for module in modules:
            if "torch_int" in vars(module):  # transformers' `int`
                undo.enter_context(replaced(module, "torch_int", symbolic_int))
            for name, value in _NAMES.items():
                if name not in vars(module):
                    setattr(module, name, value)
                    undo.callback(delattr, module, name)
        yield
