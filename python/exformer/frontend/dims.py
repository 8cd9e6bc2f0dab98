"""Which sizes of the inputs are symbols, and what each round of tracing has found out about them."""

import dataclasses
import re

from . import caches


@dataclasses.dataclass
class Facts:
    """A symbol before it is declared."""

    base: str
    hint: int
    min: int = 1
    max: int | None = None
    named: bool = False  # by the user
    where: str = ""
    reason: str = ""  # the lines of the model that narrowed it
    version: int = 0

    @property
    def name(self):
        return self.base if self.version == 0 else f"{self.base}_{self.version}"


class ContradictedDim(ValueError):
    """The model fixes a dim that the user wants dynamic."""


def in_words(reason, words):
    """A reason with the sizes of inputs in place of symbols."""
    return re.sub(r"\w+", lambda found: words.get(found[0], found[0]), reason)


class Dims:
    """Sizes by input path and axis: integers, or expressions over symbols."""

    def __init__(self, core, dynamic, shapes):
        self.core, self.dynamic, self.shapes = core, dynamic, shapes
        self.sizes = {}
        self.facts = {}
        self.specializations = []
        self.sample = {}

    def _request(self, path, axis, rank):
        if self.shapes is None:
            return "auto" if self.dynamic else None
        head = path.partition(".")[0]
        dims = self.shapes.get(path, self.shapes.get(head))
        if isinstance(dims, list):
            return dims[axis] if axis < len(dims) else None
        if dims is None:
            return None
        return dims.get(str(axis), dims.get(str(axis - rank)))

    def sizes_of(self, path, sample):
        """The sizes that the input has in this round."""
        if path in self.sizes:
            return self.sizes[path]
        sizes = []
        for axis, size in enumerate(sample):
            request = self._request(path, axis, len(sample))
            name = request["name"] if isinstance(request, dict) else request
            if name is None or str(name).removeprefix("Dim.").lower() == "static":
                sizes.append(size)
                continue
            is_named = str(name).removeprefix("Dim.").lower() != "auto"
            base = name if is_named else f"s{len(self.facts)}"
            if base not in self.facts:
                self.facts[base] = Facts(base, size, named=is_named, where=f"axis {axis} of '{path}'")
                if path.partition(".")[0] in caches.NAMES:
                    self.facts[base].min = 0
                if isinstance(request, dict):
                    self.facts[base].min = request.get("min") or self.facts[base].min
                    self.facts[base].max = request.get("max")
            if self.facts[base].hint != size:
                raise ContradictedDim(f"axis {axis} of '{path}' is {size} but {self.facts[base].where} is "
                                      f"{self.facts[base].hint}: both are the dim '{base}'")
            facts = self.facts[base]
            if size < facts.min or (facts.max is not None and size > facts.max):
                raise ContradictedDim(f"axis {axis} of '{path}': the dim '{base}' allows [{facts.min}, "
                                      f"{'no limit' if facts.max is None else facts.max}], the sample has {size}")
            sizes.append(self._symbol(facts))
        self.sizes[path], self.sample[path] = sizes, list(sample)
        return sizes

    def _symbol(self, facts):
        return self.core.symbol(facts.name, facts.min, facts.max, 1, facts.hint)

    @property
    def narrowed(self):
        """(input, axis, lines of the model) of the dims that it bounds or wants multiples of."""
        reasons = {facts.name: facts.reason for facts in self.facts.values() if facts.reason}
        return [(path, axis, reasons[name]) for path, sizes in self.sizes.items() for axis, size in enumerate(sizes)
                if not isinstance(size, int) for name in self.core.free_symbols(size) if name in reasons]

    def explained(self, fault):
        """A fault, or the likely cause: a size that is fixed while the same one of another input is a dim by name."""
        if self.shapes is None or not isinstance(fault, (ValueError, RuntimeError)):
            return fault
        named = {(facts.where.partition(" of ")[0], facts.hint): facts for facts in self.facts.values()
                 if facts.named}
        for path, sizes in self.sizes.items():
            for axis, size in enumerate(sizes):
                facts = named.get((f"axis {axis}", size)) if self._request(path, axis, len(sizes)) is None else None
                if facts is not None:
                    return ContradictedDim(f"axis {axis} of '{path}' is {size} but {facts.where} is the dim "
                                           f"'{facts.base}': both must be dynamic or neither ({fault})")
        return fault

    def learn(self, assumptions, bounds):
        """Takes over what a round has assumed. True when there was something new."""
        changed = False
        by_symbol = {facts.name: facts for facts in self.facts.values()}
        words = self._words()  # before symbols change
        assumptions = [(*rest, in_words(reason, words)) for *rest, reason in assumptions]
        bounds = [(*rest, in_words(where, words)) for *rest, where in bounds]
        for symbol, value, reason in assumptions:
            changed = self._replace(by_symbol, symbol, value, reason) or changed
        for left, right, kind, truth, where in bounds:
            changed = self._bound(by_symbol, left, right, kind, truth, where) or changed
        return changed

    def _words(self):
        """{symbol: the first input's size that is a multiple of it, as a user writes it}."""
        found = {}
        for path, sizes in self.sizes.items():
            for axis, size in enumerate(sizes):
                names = [] if isinstance(size, int) else self.core.free_symbols(size)
                if len(names) != 1 or names[0] in found or self.core.substitute(size, {names[0]: 0}) != 0:
                    continue
                factor = self.core.substitute(size, {names[0]: 1})
                found[names[0]] = f"{path}.shape[{axis}]" if factor == 1 else f"({path}.shape[{axis}] / {factor})"
        return found

    def _replace(self, by_symbol, symbol, value, reason):
        facts = by_symbol[symbol]
        changed = False
        for path, sizes in self.sizes.items():
            for axis, size in enumerate(sizes):
                if isinstance(size, int) or symbol not in self.core.free_symbols(size):
                    continue
                sizes[axis] = self.core.substitute(size, {symbol: value})
                changed = True
                if isinstance(sizes[axis], int):
                    if facts.named:
                        raise ContradictedDim(f"axis {axis} of '{path}' cannot be the dim '{facts.base}': the model "
                                              f"fixes it to {sizes[axis]} ({reason})")
                    self.specializations.append((path, axis, sizes[axis], f"fixed by the model at {reason}"))
        return changed

    def _bound(self, by_symbol, left, right, kind, truth, where):
        """A comparison of one symbol that has to come out as in the sample narrows its range. Sizes grow or shrink with
        it, so one end is where the comparison turns."""
        difference = left - right
        names = self.core.free_symbols(difference)
        if len(names) != 1 or names[0] not in by_symbol:
            return False
        facts = by_symbol[names[0]]

        def holds(size):
            try:
                value = self.core.substitute(difference, {names[0]: size})
            except RuntimeError:  # a division by zero
                return False
            return (value < 0 if kind == "lt" else value <= 0) == truth

        def turn(inside, outside):
            """The last size on the way out for which it holds."""
            while abs(outside - inside) > 1:
                middle = (inside + outside) // 2
                inside, outside = (middle, outside) if holds(middle) else (inside, middle)
            return inside

        if not holds(facts.hint):
            return False
        changed = False
        if not holds(facts.min):
            changed = self._change(facts, where, min=turn(facts.hint, facts.min))
        largest = facts.max if facts.max is not None else 2**31
        if not holds(largest):
            changed = self._change(facts, where, max=turn(facts.hint, largest)) or changed
        if changed and facts.min == facts.max:  # one size is left
            self._replace({facts.name: facts}, facts.name, facts.hint, where)
        return changed

    def learn_multiple(self, remainder, where):
        """The remainder is 0: the smallest divisor of its symbol's size for which it is. The size becomes so many times
        a new symbol, so that quotients cancel. False when there is no such divisor."""
        by_symbol = {facts.name: facts for facts in self.facts.values()}
        for name in self.core.free_symbols(remainder):
            facts = by_symbol.get(name)
            if facts is None:
                continue
            probe = self.core.symbol("count", 1, None, 1, 1)
            for divisor in range(2, facts.hint + 1):
                if facts.hint % divisor:
                    continue
                whole = self.core.substitute(remainder, {name: divisor * probe})
                if isinstance(whole, int) and whole == 0:
                    return self._divide(facts, divisor, in_words(where, self._words()))
        return False

    def _divide(self, facts, divisor, where):
        if facts.named:
            raise ContradictedDim(f"{facts.where}: the model wants multiples of {divisor} for the dim '{facts.base}'")
        return self._change(facts, where, factor=divisor, hint=facts.hint // divisor, min=-(-facts.min // divisor),
                            max=None if facts.max is None else facts.max // divisor)

    def _change(self, facts, where, factor=1, **changes):
        old = facts.name
        if where not in facts.reason:
            facts.reason = f"{facts.reason}, {where}" if facts.reason else where
        for key, value in changes.items():
            setattr(facts, key, value)
        facts.version += 1
        new = self._symbol(facts) * factor
        for sizes in self.sizes.values():
            for axis, size in enumerate(sizes):
                if not isinstance(size, int) and old in self.core.free_symbols(size):
                    sizes[axis] = self.core.substitute(size, {old: new})
        return True
