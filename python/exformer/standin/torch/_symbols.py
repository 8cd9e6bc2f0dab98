"""Symbolic numbers: what Python's own operators and int() do with sizes that are not known."""

import builtins
import math
import operator
import os
import re
import sys

from exformer import _core

from . import _state

SymInt = _core.SymInt
SymBool = _core.SymBool
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class DataDependentError(RuntimeError):
    """Python code asks for a value that only the inputs' contents tell."""


class RestartTrace(BaseException):
    """What was assumed no longer holds; the trace starts again with what is known now."""


def caller():
    """"modeling_x.py:123" of the model's own code that runs now."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and "importlib" not in name and not name.startswith("<"):
            parts = name.split(os.sep)
            return f"{os.sep.join(parts[-2:])}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def _hint(value):
    return int(value) if isinstance(value, int) else _state.core.hint(value)


def _is_small(value):
    """0 and 1: sizes that code treats apart, and that a general graph handles all the same."""
    return isinstance(value, int) and not isinstance(value, bool) and value in (0, 1)


def decide(condition):
    """The truth of an open comparison: sizes count as neither 0 nor 1; what else is open is as in the sample inputs,
    and is recorded as a condition of the graph."""
    kind, left, right = condition.kind, condition.left, condition.right
    hints = _hint(left), _hint(right)
    if _is_number_of_data(left) or _is_number_of_data(right):
        return _decide_data(kind, left, right, hints)
    padded = _if_something_is_missing(kind, left, right)
    if padded is not None:
        return padded
    if kind in ("eq", "ne"):
        if _is_small(left) or _is_small(right):
            value, number = (right, left) if _is_small(left) else (left, right)
            if number == 0 and _pads_in_every_case(value):
                return kind == "ne"
            if number == 1 and _is_oddness(value) and _pads_in_every_case(value):
                return kind == "eq"
            if hints != (0, 0) or _state.core.is_symbol(value):
                _check_remainder(value)
                if hints == (1, 1) and _state.core.is_symbol(value):
                    _state.ones.append((value, caller()))
                return kind == "ne"
            if _state.core.depends_on_data(value):
                return _decide_data(kind, left, right, hints)
            _restart_with_multiples(value)
        if None in hints:
            raise DataDependentError(f"{caller()}: whether {left} equals {right} depends on the inputs' contents")
        same = hints[0] == hints[1]
        if same and not _state.core.assume_equal(left, right, caller()):
            _check_equal(left, right)  # unless the next round knows it
        return same == (kind == "eq")
    general = _decide_small(kind, left, right)
    if general is not None and ((right if isinstance(left, int) else left) >= 0) is True:
        remainder = right if isinstance(left, int) else left
        if (isinstance(left, int) and kind == "lt") or (isinstance(right, int) and kind == "le" and right == 0):
            if (not isinstance(left, int) or left == 0) and _pads_in_every_case(remainder):
                return general
        if hints == (0, 0) and not _state.core.is_symbol(remainder):
            if _state.core.depends_on_data(remainder):
                return _decide_data(kind, left, right, hints)
            _restart_with_multiples(remainder)
            return _decide_order(kind, left, right, hints)
        _check_remainder(remainder)
        return general
    if None in hints:
        raise DataDependentError(f"{caller()}: whether {left} is below {right} depends on the inputs' contents")
    if _state.core.depends_on_data(left) or _state.core.depends_on_data(right):
        return _decide_data(kind, left, right, hints)
    return _decide_order(kind, left, right, hints)


def _decide_order(kind, left, right, hints):
    truth = hints[0] < hints[1] if kind == "lt" else hints[0] <= hints[1]
    _state.bounds.append((left, right, kind, truth, caller()))
    _check_order(kind, left, right, truth)  # what no bound of one size expresses
    return truth


def _if_something_is_missing(kind, left, right):
    """The answer to whether anything is missing to the next multiple: yes. Code then pads by it or resizes to the
    whole, and cuts the rest off again, which does nothing where nothing is missing. None: another question."""
    if str(left) in _state.Remainders.padded or str(right) in _state.Remainders.padded:
        return None
    if kind in ("eq", "ne"):
        values, answer = (left - right, right - left), kind == "ne"
    elif isinstance(right if kind == "lt" else left, int) and (right if kind == "lt" else left) == 1:
        values, answer = (left if kind == "lt" else right,), kind == "le"
    else:
        values, answer = (right - left if kind == "lt" else left - right,), kind == "lt"
    for value in values:
        if _is_missing(value):
            _state.Remainders.taken_for_some.add(str(value))
            return answer
    return None


def counts_as_some(value):
    """A number that code asks about, whether it is more than 0, and then moves or pads by it: it may as well be 0."""
    if isinstance(value, SymInt):
        _state.Remainders.missing.add(str(value))
    return value


def _is_missing(value):
    """`n * ceil(size / n) - size`, and what else counts as more than 0 when code asks."""
    text = str(value)
    if not isinstance(value, SymInt) or text in _state.Remainders.no_padding or _state.core.depends_on_data(value):
        return False
    if text in _state.Remainders.missing:
        return True
    blocks = re.findall(r"(?<!- )(?<!-)\b(\d+)\*floordiv\(", text)
    return any((value < int(block)) is True for block in blocks) and (value >= 0) is True


def _pads_in_every_case(value):
    """Whether this is a remainder that counts as more than 0; see Remainders."""
    key = str(value)
    if key not in _state.Remainders.operands or key in _state.Remainders.no_padding:
        return False
    _state.Remainders.padded.setdefault(key, False)
    return True


def _is_oddness(value):
    return _state.Remainders.operands.get(str(value), (None, None))[1] == 2


def as_padding(value):
    """What a call pads by. A remainder by 2 is what is missing to the next multiple."""
    if not isinstance(value, SymInt) or not _is_oddness(value):
        return value
    if str(value) in _state.Remainders.padded:
        _state.Remainders.padded[str(value)] = True
    return _missing(*_state.Remainders.operands[str(value)])


def _missing(size, block):
    """To the next multiple."""
    return block * -((-size) // block) - size


def _padding(remainder, whole):
    """`n - size % n` after such a question: what is missing to the next multiple."""
    size, block = _state.Remainders.operands[str(remainder)]
    if block != whole:
        return None
    _state.Remainders.padded[str(remainder)] = True
    return _missing(size, block)


def _note_padding(size, whole):
    """`-size % n` is what is missing, after the question whether `size % n` is 0."""
    for text in _state.Remainders.padded:
        known, block = _state.Remainders.operands[text]
        if block == whole and bool_known(known == size):
            _state.Remainders.padded[text] = True


def _refuse_padding(*values):
    """Another use of a remainder that was taken for more than 0: the round was wrong about it."""
    for value in values:
        if isinstance(value, SymInt) and str(value) in _state.Remainders.padded:
            _state.Remainders.no_padding.add(str(value))
            raise RestartTrace


def _restart_with_multiples(remainder):
    """Ends the round, unless it is known that no divisor of a size explains why this is 0."""
    if str(remainder) not in _state.Remainders.refused:
        _state.Remainders.whole, _state.Remainders.where = remainder, caller()
        raise RestartTrace


def _check_remainder(value):
    """Code that pads to whole blocks has decided that something is left over: every run checks it, because a whole
    block more would be wrong."""
    if isinstance(value, SymInt) and str(value).startswith("mod(") and _hint(value):
        _check(value, f"{value} must not be 0")


def _is_number_of_data(value):
    """A number that was read from a tensor. One that counts elements is a size like any other."""
    return isinstance(value, SymInt) and _state.core.reads_data(value)


def _decide_data(kind, left, right, hints):
    """As in the sample, which every run then checks."""
    if None in hints:
        raise DataDependentError(f"{caller()}: a comparison of {left} and {right} depends on the inputs' contents")
    truth = {"eq": hints[0] == hints[1], "ne": hints[0] != hints[1], "lt": hints[0] < hints[1],
             "le": hints[0] <= hints[1]}[kind]
    if kind in ("eq", "ne"):
        if truth == (kind == "eq"):
            _state.core.assume_equal(left, right, caller())
        else:
            _check(abs_difference(left, right), f"{left} must differ from {right}")
        return truth
    _check_order(kind, left, right, truth)
    return truth


def abs_difference(left, right):
    return sym_max(left - right, right - left)


def _check_order(kind, left, right, truth):
    """Every run has to come to the same answer."""
    smaller, larger = (left, right) if truth else (right, left)
    strict = (kind == "lt") == truth
    _check(sym_max(0, larger - smaller + (0 if strict else 1)),
           f"{smaller} must be below {larger}" if strict else f"{smaller} must not be above {larger}")


def _check_equal(left, right):
    _check(1 - sym_min(1, abs_difference(left, right)), f"{left} must be {right}")


def _check(condition, message):
    _state.core.check(condition, f"{message}, as in the sample inputs ({caller()})")


def _decide_small(kind, left, right):
    """`s > 1`, `s >= 1`, `s < 2` and their like: as for a large s."""
    if isinstance(right, int) and right <= (2 if kind == "lt" else 1) and right >= 0:
        return False
    if isinstance(left, int) and left <= (1 if kind == "lt" else 2) and left >= 0:
        return True
    return None


def specialize(value):
    """The sample's size, which the graph is then fixed to."""
    size = _hint(value)
    if size is None:
        raise DataDependentError(f"{caller()}: the number {value} depends on the inputs' contents")
    where = caller()
    if bool_known(value == size):
        return size
    if _state.core.depends_on_data(value):
        raise DataDependentError(f"{where}: the number {value} depends on the inputs' contents")
    names = _state.core.free_symbols(value)
    if len(names) == 1 and not _state.core.is_symbol(value):  # all sizes that give this number will do
        _state.bounds += [(value, size, "le", True, where), (size, value, "le", True, where)]
        _check_equal(value, size)
        return size
    for name in names:
        _state.core.assume_value(name, _state.core.hint_of(name), where)
    return size


def bool_known(condition):
    return condition is True


class SymFloat:
    """A quotient of sizes, until a float is needed."""

    def __init__(self, numerator, denominator=1):
        if isinstance(denominator, int) and denominator < 0:
            numerator, denominator = -numerator, -denominator
        self.numerator, self.denominator = numerator, denominator

    def __ceil__(self):
        return sym_ceildiv(self.numerator, self.denominator)

    def __floor__(self):
        return self.numerator // self.denominator

    def __trunc__(self):
        return self.numerator // self.denominator

    def __float__(self):
        return specialize_part(self.numerator) / specialize_part(self.denominator)

    def __int__(self):
        return int(float(self))

    def __round__(self, digits=None):
        return round(float(self), digits) if digits is not None else round(float(self))

    def __bool__(self):
        return bool(self.numerator != 0)

    def __repr__(self):
        return f"({self.numerator} / {self.denominator})"

    def tensor(self):
        """The number that a run has."""
        from ._types import DTYPES

        parts = [_state.core.call("scalar_tensor", (part,), {"dtype": DTYPES["float32"]})
                 for part in (self.numerator, self.denominator)]
        return _state.core.call("div", tuple(parts), {})


def _quotient(value):
    """Numerator and denominator of a number; None where they would be large, as those of 0.1 are."""
    if isinstance(value, SymFloat):
        return value.numerator, value.denominator
    if isinstance(value, (int, SymInt)):
        return value, 1
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    numerator, denominator = value.as_integer_ratio()
    return (numerator, denominator) if abs(numerator) < 2**31 and denominator <= 2**10 else None


def _sum(a, b):
    return SymFloat(a[0] + b[0], a[1]) if a[1] is b[1] or bool_known(a[1] == b[1]) else \
        SymFloat(a[0] * b[1] + b[0] * a[1], a[1] * b[1])


_ON_QUOTIENTS = {"add": _sum, "sub": lambda a, b: _sum(a, (-b[0], b[1])),
                 "mul": lambda a, b: SymFloat(a[0] * b[0], a[1] * b[1]),
                 "truediv": lambda a, b: SymFloat(a[0] * b[1], a[1] * b[0])}
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):  # the denominators are sizes, and so above 0
    _ON_QUOTIENTS[_name] = lambda a, b, compare=getattr(operator, _name): compare(a[0] * b[1], b[0] * a[1])


def _float_operator(name, is_reverse=False):
    def method(self, other):
        parts = _quotient(self), _quotient(other)
        if name in _ON_QUOTIENTS and None not in parts:
            return _ON_QUOTIENTS[name](*(reversed(parts) if is_reverse else parts))
        if not isinstance(other, (int, float, SymInt, SymFloat)):
            return NotImplemented
        return getattr(float(self), f"__{'r' if is_reverse else ''}{name}__")(float(other))

    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "lt", "le", "gt", "ge", "eq", "ne"):
    setattr(SymFloat, f"__{_name}__", _float_operator(_name))
for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv"):
    setattr(SymFloat, f"__r{_name}__", _float_operator(_name, True))
SymFloat.__hash__ = object.__hash__
SymFloat.__neg__ = lambda self: SymFloat(-self.numerator, self.denominator)


def specialize_part(value):
    return specialize(value) if isinstance(value, SymInt) else value


def _true_divide(self, other):
    if isinstance(other, bool) or not isinstance(other, (int, float, SymInt, SymFloat)):
        return NotImplemented
    return SymFloat(self) / other


def _reverse_true_divide(self, other):
    return other / SymFloat(self) if isinstance(other, (int, float)) else NotImplemented


def _with_floats(name, method):
    """The bound operator, or float arithmetic on the sample's size where the other side is a float."""

    def operator(self, other):
        if _state.Remainders.padded:
            padding = _padding(self, other) if name == "__rsub__" and str(self) in _state.Remainders.padded else None
            if padding is not None:
                return padding
            _refuse_padding(self, other)
        if isinstance(other, float):
            if other == int(other) and abs(other) < 2**53 and name == "__floordiv__":
                return SymFloat(method(self, int(other)))
            return getattr(SymFloat(self), name)(other)
        if isinstance(other, SymFloat):
            return getattr(SymFloat(self), name)(other)
        if name == "__mod__" and _state.Remainders.padded:
            _note_padding(-self, other)
        result = method(self, other)
        if name == "__mod__" and isinstance(other, int):
            if str(result).startswith("mod("):
                _state.Remainders.operands[str(result)] = self, other
            elif "floordiv(" in str(result):
                counts_as_some(result)
        return result

    return operator


for _name in ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__floordiv__", "__rfloordiv__",
              "__mod__", "__rmod__", "__pow__"):
    setattr(SymInt, _name, _with_floats(_name, getattr(SymInt, _name)))
_negated = SymInt.__neg__


def _negate(self):
    _refuse_padding(self)
    return _negated(self)


SymInt.__neg__ = _negate
SymInt.__truediv__ = _true_divide
SymInt.__rtruediv__ = _reverse_true_divide
SymInt.__rpow__ = lambda self, base: base ** specialize(self)
SymInt.__index__ = specialize
SymInt.__int__ = specialize
SymInt.__float__ = lambda self: float(specialize(self))
SymInt.__bool__ = lambda self: bool(self != 0)
SymInt.__abs__ = lambda self: self if bool(self >= 0) else -self
SymInt.__ceil__ = SymInt.__floor__ = SymInt.__trunc__ = lambda self: self
SymInt.__round__ = lambda self, digits=None: self
SymInt.__divmod__ = lambda self, other: (self // other, self % other)
SymInt.__deepcopy__ = lambda self, memo: self
SymInt.__copy__ = lambda self: self
SymInt.__and__ = lambda self, other: specialize(self) & int(other)
SymInt.__rand__ = SymInt.__and__
SymInt.node = property(lambda self: self)
SymInt.maybe_as_int = lambda self: None
SymInt.is_integer = lambda self: True
SymBool.__bool__ = decide
SymBool.__and__ = SymBool.__rand__ = lambda self, other: bool(self) and bool(other)
SymBool.__or__ = SymBool.__ror__ = lambda self, other: bool(self) or bool(other)
SymBool.__invert__ = lambda self: not bool(self)
SymBool.__int__ = SymBool.__index__ = lambda self: int(bool(self))
SymBool.__eq__ = lambda self, other: bool(self) == bool(other)
SymBool.__hash__ = lambda self: hash((self.kind, str(self.left), str(self.right)))


def sym_ceildiv(a, b):
    return -((-a) // b)


def sym_int(value):
    if isinstance(value, SymFloat):
        return value.__trunc__()
    return value if isinstance(value, SymInt) else int(value)


def sym_float(value):
    return SymFloat(value) if isinstance(value, SymInt) else float(value)


def sym_max(a, b):
    if isinstance(a, SymInt) and not isinstance(b, float):
        return a.maximum(b)
    return b.maximum(a) if isinstance(b, SymInt) and not isinstance(a, float) else builtins.max(a, b)


def sym_min(a, b):
    if isinstance(a, SymInt) and not isinstance(b, float):
        return a.minimum(b)
    return b.minimum(a) if isinstance(b, SymInt) and not isinstance(a, float) else builtins.min(a, b)


def sym_not(value):
    return not value


def sym_ite(condition, a, b):
    return a if condition else b


def sym_sqrt(value):
    return math.sqrt(value)


def sym_sum(values):
    return sum(values)
