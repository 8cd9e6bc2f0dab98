"""Programs of several calls on tensors that may share memory, as torch runs them and as trace_runner reads them.

    program = Program("name", [T("f32", "b", 4)])
    view = program.call("slice.Tensor", 0, 1, 1, 3)      # tensors are numbers: inputs first, then results
    program.call("mul_.Scalar", view, 2.0)

Integers among the arguments of kind Tensor are numbers of tensors.
"""

import hashlib
import random

import torch
from op_row import DTYPES, S, evaluate, symbols_in

# No size equals another one, or a product or difference of small numbers with it.
SETS = ({"b": 7, "s": 11}, {"b": 5, "s": 13})


class Program:
    def __init__(self, name, inputs, sets=SETS, symbols=None, files=False):
        self.name, self.inputs, self.sets, self.steps = name, inputs, sets, []
        self.symbols = symbols or {"b": {"min": 5}, "s": {"min": 11}}
        self.files = files
        self.worlds = [self.make_inputs(number) for number in range(len(sets))]

    def make_inputs(self, number):
        digest = hashlib.sha256(f"{self.name}/{number}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        return [each.make(self.sets[number], generator)[1] for each in self.inputs]

    def call(self, op, *args, **kwargs):
        """Runs the call with every set of sizes; the numbers of its results, or the written tensor's."""
        results = [self._run(world, number, op, args, kwargs) for number, world in enumerate(self.worlds)]
        self.steps.append((op, args, kwargs))
        if is_in_place(op):
            return args[0]
        for world, made in zip(self.worlds, results):
            world += made
        count = len(results[0])
        numbers = list(range(len(self.worlds[0]) - count, len(self.worlds[0])))
        return numbers[0] if count == 1 else numbers

    def attempt(self, op, *args, **kwargs):
        """Like call, but a program that torch refuses stays as it was; None then."""
        try:
            return self.call(op, *args, **kwargs)
        except (RuntimeError, IndexError, NotImplementedError):
            self.replay()
            return None

    def replay(self):
        self.worlds = [self.make_inputs(number) for number in range(len(self.sets))]
        steps, self.steps = self.steps, []
        for op, args, kwargs in steps:
            self.call(op, *args, **kwargs)

    def _run(self, world, number, op, args, kwargs):
        overload = torch_op(op)
        formals = overload._schema.arguments
        real = [concrete(value, str(formal.type), world, self.sets[number]) for value, formal in zip(args, formals)]
        types = {formal.name: str(formal.type) for formal in formals}
        named = {name: concrete(value, types[name], world, self.sets[number]) for name, value in kwargs.items()}
        with torch.no_grad():
            result = overload(*real, **named)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    def to_json(self):
        steps = []
        for op, args, kwargs in self.steps:
            formals = torch_op(op)._schema.arguments
            types = {formal.name: str(formal.type) for formal in formals}
            steps.append({
                "op": "aten::" + op,
                "in_place": is_in_place(op),
                "args": [argument(value, str(formal.type)) for value, formal in zip(args, formals)],
                "kwargs": {name: argument(value, types[name]) for name, value in kwargs.items()},
            })  # fmt: skip
        used = {name for each in self.inputs for size in each.sizes for name in symbols_in(size)}
        return {
            "id": self.name,
            "symbols": {name: facts for name, facts in self.symbols.items() if name in used},
            "sets": list(self.sets),
            "files": self.files,
            "inputs": [
                {
                    "dtype": str(DTYPES[each.dtype]).removeprefix("torch."),
                    "sizes": each.sizes,
                    "strides": each.strides(),
                    "data": [f"{self.name}/{number}/{i}" for number in range(len(self.sets))],
                }
                for i, each in enumerate(self.inputs)
            ],
            "steps": steps,
        }

    def storages(self):
        """What trace_runner reads: {name: storage}."""
        tensors = {}
        for number in range(len(self.sets)):
            digest = hashlib.sha256(f"{self.name}/{number}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
            for i, each in enumerate(self.inputs):
                tensors[f"{self.name}/{number}/{i}"] = each.make(self.sets[number], generator)[0]
        return tensors


def is_in_place(op):
    name = op.partition(".")[0]
    return name.endswith("_") and not name.endswith("__")


def torch_op(op):
    name, _, overload = op.partition(".")
    return getattr(getattr(torch.ops.aten, name), overload or "default")


def concrete(value, kind, world, sizes):
    if "Tensor" in kind and isinstance(value, (list, tuple)):
        return [None if item is None else world[item] for item in value]
    if "Tensor" in kind and value is not None:
        return world[value]
    if isinstance(value, (list, tuple)):
        return [evaluate(item.expression, sizes) if isinstance(item, S) else item for item in value]
    return evaluate(value.expression, sizes) if isinstance(value, S) else value


def argument(value, kind):
    if value is None:
        return {"none": True}
    if "Tensor" in kind:
        return {"tensors": list(value)} if isinstance(value, (list, tuple)) else {"tensor": value}
    for type_, name in ((bool, "bool"), (float, "float"), (str, "str")):
        if isinstance(value, type_):
            return {name: value}
    if isinstance(value, S):
        return {"int": value.expression}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memory_format": str(value).removeprefix("torch.")}
    if isinstance(value, (list, tuple)):
        return {"ints": [item.expression if isinstance(item, S) else item for item in value]}
    return {"int": value}


# Random programs
# ----------------------------------------------------------------------------------------------------------------------


class RandomProgram:
    """Views of views, and writes through them, until the program has enough steps."""

    def __init__(self, name, inputs, writes):
        self.program = Program(name, inputs)
        self.random = random.Random(name)
        self.floats = {number for number, each in enumerate(inputs) if each.dtype == "f32"}
        written = 0
        for _ in range(400):
            if written == writes:
                break
            if self.random.random() < 0.55:
                self.view()
            else:
                written += self.write()

    def tensor(self, number):
        return self.program.worlds[0][number]

    def fixed(self, number, dim):
        """The size of a dim that is the same in every run; None for one that is not."""
        sizes = {world[number].shape[dim] for world in self.program.worlds}
        return sizes.pop() if len(sizes) == 1 else None

    def pick(self, wanted=lambda tensor: True):
        found = [number for number in self.floats if wanted(self.tensor(number))]
        return self.random.choice(sorted(found)) if found else None

    def view(self):
        number = self.pick(lambda tensor: tensor.dim() > 0)
        if number is None:
            return
        rank = self.tensor(number).dim()
        dim, other = self.random.randrange(rank), self.random.randrange(rank)
        fixed = self.fixed(number, dim)
        size = fixed or min(world[number].shape[dim] for world in self.program.worlds)
        order = self.random.sample(range(rank), rank)
        # What is left of a dim that varies is never 1: that would be a rule of its own in torch.
        start = self.random.randrange(size if fixed else max(size - 2, 1))
        end = self.random.randint(start + 1, size)
        flat = [-1 if i == dim else self.fixed(number, i) for i in range(rank)]
        choices = [
            ("slice.Tensor", number, dim, start, self.random.choice([end, 2**63 - 1]), self.random.choice([1, 1, 2]))
            if fixed or size > 4 else None,
            ("slice.Tensor", number, dim, start - size, 2**63 - 1),
            ("select.int", number, dim, self.random.choice([start, start - size])),
            ("narrow", number, dim, start, end - start),
            ("transpose.int", number, dim, other),
            ("swapaxes", number, dim, other),
            ("permute", number, order),
            ("movedim.int", number, dim, other),
            ("unsqueeze", number, self.random.choice([dim, -1])),
            ("split.Tensor", number, max(1, (size + 1) // 2), dim) if fixed else None,
            ("chunk", number, 2, dim) if fixed and fixed > 1 else None,
            ("unbind.int", number, dim) if fixed and fixed <= 5 else None,
            ("squeeze.dim", number, dim) if fixed else None,
            ("unflatten.int", number, dim, [2, -1]) if fixed and fixed % 2 == 0 else None,
            ("view", number, flat) if None not in flat else None,
            ("view", number, [-1]),
            ("reshape", number, [-1]),
            ("flatten.using_ints", number, min(dim, other), max(dim, other)),
            ("diagonal", number, 0, dim, other) if fixed and dim != other and self.fixed(number, other) else None,
            ("unfold", number, dim, 2, 2) if fixed and fixed >= 2 else None,
            ("alias", number),
            ("detach", number),
            ("contiguous", number),
            ("to.dtype", number, torch.float32),
            ("t", number) if rank <= 2 else None,
            ("mT", number) if rank >= 2 else None,
            ("expand_as", number, number),
        ]
        made = self.program.attempt(*self.random.choice([choice for choice in choices if choice]))
        if made is None:
            return
        made = made if isinstance(made, list) else [made]
        if self.is_ambiguous(number, made[0]):
            self.program.steps.pop()
            self.program.replay()
            return
        self.floats |= set(made)

    def is_ambiguous(self, number, made):
        """Whether the result is a view with some sizes only."""
        shares = {world[number].data_ptr() == world[made].data_ptr() for world in self.program.worlds}
        small = any(size < 3 for world in self.program.worlds for dim, size in enumerate(world[made].shape)
                    if self.fixed(made, dim) is None)  # fmt: skip
        return len(shares) > 1 or small

    def operand(self, number):
        """A tensor of the same sizes: the written one itself, or a copy (torch does not say what a write reads from
        memory that it is writing)."""
        shape = self.tensor(number).shape
        other = self.pick(lambda tensor: tensor.shape == shape)
        return number if other == number else self.program.call("clone", other)

    def write(self):
        number = self.pick()
        rank = self.tensor(number).dim()
        dim = self.random.randrange(rank) if rank else 0
        other = self.operand(number)
        value = self.random.choice([-1.5, 0.25, 2.0])
        indices, mask = 1, 2  # inputs: [0, 1] as int64, a bool of a bool input's own shape
        fixed = self.fixed(number, dim) if rank else None
        choices = [
            ("add_.Tensor", number, other),
            ("add_.Scalar", number, value),
            ("mul_.Scalar", number, value),
            ("mul_.Tensor", number, other),
            ("sub_.Tensor", number, other),
            ("copy_", number, other),
            ("copy_", number, 3),
            ("fill_.Scalar", number, value),
            ("fill_.Tensor", number, 3),
            ("zero_", number),
            ("neg_", number),
            ("sigmoid_", number),
            ("clamp_", number, -1.0, 1.0),
            ("relu_", number),
            ("gt_.Scalar", number, 0.0),
            ("pow_.Scalar", number, 2),
            ("floor_divide_.Tensor", number, 3),
            ("dropout_", number, 0.5, False),
            ("addcmul_", number, other, other),
            ("lerp_.Scalar", number, other, 0.5),
            ("masked_fill_.Scalar", number, mask, value),
            ("index_fill_.int_Scalar", number, dim, indices, value) if fixed and fixed >= 2 else None,
            ("index_put_", number, [indices], 3) if rank and (self.fixed(number, 0) or 0) >= 2 else None,
            ("index_put_", number, [None, indices], 3, True) if rank > 1 and (self.fixed(number, 1) or 0) > 1 else None,
            ("squeeze_.dim", number, dim) if fixed else None,
            ("unsqueeze_", number, dim),
            ("transpose_", number, dim, self.random.randrange(rank)) if rank else None,
            ("t_", number) if rank <= 2 else None,
        ]
        made = self.program.attempt(*self.random.choice([choice for choice in choices if choice]))
        return made is not None
