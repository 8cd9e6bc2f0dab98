"""Random programs of layers, views, slices and broadcasts through the XNNPACK delegate, at two dynamic sizes.

Each program is made twice, as graph text and as calls of torch, and run at sizes that include 1. What matters is how
tensors lie in a delegate: every op alone is tested by test_op_files.py. EXFORMER_PROGRAMS sets how many there are.
"""

import json
import os
import random
import subprocess

import pytest
import torch
from test_ops import RUNNER

EXPORTER = RUNNER.parent / "graph_exporter"
COUNT = int(os.environ.get("EXFORMER_PROGRAMS", "200"))
SIZES = ({"b": 2, "s": 5}, {"b": 1, "s": 1}, {"b": 3, "s": 7}, {"b": 1, "s": 9})
UNARY = {"neg": torch.neg, "tanh": torch.tanh, "abs": torch.abs, "relu": torch.relu, "sigmoid": torch.sigmoid,
         "gelu": torch.nn.functional.gelu, "silu": torch.nn.functional.silu}
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul}


def sizes_text(dims):
    return "[" + ", ".join(map(str, dims)) + "]"


class Values(dict):
    """Tensors and sizes by name; a number stands for itself."""

    def __missing__(self, number):
        return number


class Program:
    """Dims are integers or the symbols b and s. Each step adds one call, or nothing where it does not fit."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        generator = torch.Generator().manual_seed(seed)
        self.generator, self.lines, self.calls, self.weights = generator, [], [], {}
        self.values = [("x", ["b", "s", self.random.choice([6, 8, 12])])]
        if self.random.random() < 0.5:
            self.values.append(("y", ["b", self.random.choice([1, 2]), "s", self.random.choice([4, 8])]))
        self.inputs = list(self.values)
        steps = [getattr(self, name) for name in dir(self) if name.startswith("add_") and name != "add_view"]
        steps += [self.add_linear, self.add_split_dim, self.add_split_dim, self.add_merge_dims, self.add_merge_dims]
        wanted = self.random.randint(4, 14)
        while len(self.lines) < wanted:
            self.random.choice(steps)(*self.random.choice(self.values[-4:]))
        made = [name for name, _ in self.values[len(self.inputs):]]
        self.outputs = sorted({made[-1], *self.random.choices(made, k=2)})

    def emit(self, call, run, dims):
        name = f"v{len(self.calls)}"
        self.lines.append(f"    %{name} = aten.{call}")
        self.calls.append((name, run))
        self.values.append((name, dims))
        return name

    def weight(self, *sizes):
        name = f"w{len(self.weights)}"
        self.weights[name] = torch.rand(sizes, generator=self.generator) - 0.5
        return name

    def constant_dims(self, dims, fits=lambda size: size > 1):
        return [i for i, size in enumerate(dims) if isinstance(size, int) and fits(size)]

    def add_linear(self, x, dims):
        if not isinstance(dims[-1], int):
            return
        weight, bias = self.weight(self.random.choice([1, 4, 6, 8, 12]), dims[-1]), None
        if self.random.random() < 0.5:
            bias = self.weight(len(self.weights[weight]))
        self.emit(f"linear.default(%{x}, %{weight}{f', %{bias}' if bias else ''})",
                  lambda v: torch.nn.functional.linear(v[x], v[weight], v[bias] if bias else None),
                  [*dims[:-1], len(self.weights[weight])])

    def add_unary(self, x, dims):
        op = self.random.choice(list(UNARY))
        self.emit(f"{op}.default(%{x})", lambda v: UNARY[op](v[x]), dims)

    def add_binary(self, x, dims):
        y, others = self.random.choice(self.values)
        rank = max(len(dims), len(others))
        pairs = list(zip([1] * (rank - len(dims)) + dims, [1] * (rank - len(others)) + others))
        if any(a != b and 1 not in (a, b) for a, b in pairs):
            return
        op = self.random.choice(list(BINARY))
        self.emit(f"{op}.Tensor(%{x}, %{y})", lambda v: BINARY[op](v[x], v[y]), [b if a == 1 else a for a, b in pairs])

    def add_weight(self, x, dims):
        kept = dims[-self.random.randint(1, min(len(dims), 3)):]
        weight = self.weight(*(d if isinstance(d, int) and self.random.random() < 0.8 else 1 for d in kept))
        self.emit(f"add.Tensor(%{x}, %{weight})", lambda v: v[x] + v[weight], dims)

    def add_permute(self, x, dims):
        order = list(range(len(dims)))
        self.random.shuffle(order)
        self.emit(f"permute.default(%{x}, {order})", lambda v: v[x].permute(order), [dims[i] for i in order])

    def add_view(self, x, dims, target):
        self.emit(f"reshape.default(%{x}, {sizes_text(target)})", lambda v: v[x].reshape([v[d] for d in target]),
                  target)

    def add_split_dim(self, x, dims):
        places = self.constant_dims(dims)
        if not places or len(dims) > 3:
            return
        i = places[-1] if self.random.random() < 0.7 else self.random.choice(places)
        count = self.random.choice([n for n in (1, 2, 3, 4) if dims[i] % n == 0])
        self.add_view(x, dims, [*dims[:i], count, dims[i] // count, *dims[i + 1:]])

    def add_merge_dims(self, x, dims):
        if len(dims) < 2:
            return
        i = len(dims) - 2 if self.random.random() < 0.6 else self.random.randrange(len(dims) - 1)
        first, second = dims[i:i + 2]
        if isinstance(first, int) and isinstance(second, int):
            merged = first * second
        elif 1 in (first, second):
            merged = second if first == 1 else first
        else:
            return
        self.add_view(x, dims, [*dims[:i], merged, *dims[i + 2:]])

    def add_unsqueeze(self, x, dims):
        if len(dims) < 4:
            i = self.random.randint(0, len(dims))
            self.emit(f"unsqueeze.default(%{x}, {i})", lambda v: v[x].unsqueeze(i), [*dims[:i], 1, *dims[i:]])

    def add_squeeze(self, x, dims):
        if 1 in dims:
            i = dims.index(1)
            self.emit(f"squeeze.dim(%{x}, {i})", lambda v: v[x].squeeze(i), dims[:i] + dims[i + 1:])

    def add_expand(self, x, dims):
        if 1 in dims:
            target = list(dims)
            target[dims.index(1)] = self.random.choice([2, 3, "b", "s"])
            self.emit(f"expand.default(%{x}, {sizes_text(target)})", lambda v: v[x].expand([v[d] for d in target]),
                      target)

    def add_slice(self, x, dims):
        if places := self.constant_dims(dims):
            i = self.random.choice(places)
            start = self.random.randrange(dims[i])
            end = self.random.randint(start + 1, dims[i])
            self.emit(f"slice.Tensor(%{x}, {i}, {start}, {end})", lambda v: v[x].narrow(i, start, end - start),
                      [*dims[:i], end - start, *dims[i + 1:]])

    def add_select(self, x, dims):
        if len(dims) > 1:
            i = self.random.randrange(len(dims))
            index = self.random.randrange(dims[i]) if isinstance(dims[i], int) else 0
            self.emit(f"select.int(%{x}, {i}, {index})", lambda v: v[x].select(i, index), dims[:i] + dims[i + 1:])

    def add_cat(self, x, dims):
        if places := self.constant_dims(dims, lambda size: True):
            i = self.random.choice(places)
            fitting = [(y, other) for y, other in self.values if len(other) == len(dims) and isinstance(other[i], int)
                       and other[:i] + other[i + 1:] == dims[:i] + dims[i + 1:]]
            chosen = self.random.choices(fitting, k=self.random.randint(1, 6))
            names = ", ".join("%" + y for y, _ in chosen)
            self.emit(f"cat.default([{names}], {i})", lambda v: torch.cat([v[y] for y, _ in chosen], i),
                      [*dims[:i], sum(other[i] for _, other in chosen), *dims[i + 1:]])

    def add_prefix(self, x, dims):
        """Rows that are the same for all samples, in front of the others."""
        if len(dims) == 3 and dims[0] == "b" and isinstance(dims[1], int) and isinstance(dims[2], int):
            rows = self.random.choice([1, 3])
            weight = self.weight(1, rows, dims[2])
            wide = self.emit(f"expand.default(%{weight}, {sizes_text(['b', rows, dims[2]])})",
                             lambda v: v[weight].expand(v["b"], -1, -1), ["b", rows, dims[2]])
            self.emit(f"cat.default([%{wide}, %{x}], 1)", lambda v: torch.cat([v[wide], v[x]], 1),
                      ["b", rows + dims[1], dims[2]])

    def add_softmax(self, x, dims):
        i = self.random.randrange(len(dims))
        self.emit(f"softmax.int(%{x}, {i})", lambda v: v[x].softmax(i), dims)

    def add_layer_norm(self, x, dims):
        if places := self.constant_dims(dims[-1:]):
            width = dims[-1:][places[0]]
            weight, bias = self.weight(width), self.weight(width)
            self.emit(f"layer_norm.default(%{x}, [{width}], %{weight}, %{bias}, 0.1)",
                      lambda v: torch.nn.functional.layer_norm(v[x], [width], v[weight], v[bias], 0.1), dims)

    def add_mean(self, x, dims):
        if len(dims) > 1 and (places := self.constant_dims(dims, lambda size: True)):
            i, keep = self.random.choice(places), self.random.random() < 0.5
            self.emit(f"mean.dim(%{x}, [{i}], {keep})", lambda v: v[x].mean([i], keep),
                      dims[:i] + [1] * keep + dims[i + 1:])

    def add_product(self, x, dims):
        if len(dims) > 1:
            *batch, rows, columns = dims
            turned = self.emit(f"transpose.int(%{x}, -2, -1)", lambda v: v[x].transpose(-2, -1),
                               [*batch, columns, rows])
            self.emit(f"matmul.default(%{x}, %{turned})", lambda v: v[x] @ v[turned], [*batch, rows, rows])

    def to_json(self):
        inputs = [(name, dims) for name, dims in self.inputs] + [(n, list(w.shape)) for n, w in self.weights.items()]
        signature = ", ".join(f"%{name}: f32{sizes_text(dims)}" for name, dims in inputs)
        results = ", ".join("%" + name for name in self.outputs)
        weights = {n: {"sizes": list(w.shape), "values": w.flatten().tolist()} for n, w in self.weights.items()}
        return {"text": "\n".join([f"graph({signature}):", *self.lines, f"    return ({results})"]), "weights": weights}

    def run(self, sizes):
        """The inputs, and the outputs that torch gives."""
        generator = torch.Generator().manual_seed(0)
        values = Values(self.weights | sizes)
        for name, dims in self.inputs:
            values[name] = torch.randn([values[d] for d in dims], generator=generator)
        for name, call in self.calls:
            values[name] = call(values)
        return [values[name] for name, _ in self.inputs], [values[name] for name in self.outputs]


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    if not EXPORTER.exists():
        pytest.fail(f"{EXPORTER} is not built; set EXFORMER_BUILD")
    folder = tmp_path_factory.mktemp("programs")
    made = [Program(seed) for seed in range(COUNT)]
    (folder / "graphs.json").write_text(json.dumps([program.to_json() for program in made]))
    finished = subprocess.run([EXPORTER, folder], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    written = json.loads((folder / "exported.json").read_text())
    return [(program, entry, folder / f"{i}.pte") for i, (program, entry) in enumerate(zip(made, written))]


def test_the_delegate_takes_most_of_them(programs):
    assert sum(entry.get("calls", 0) == 1 for _, entry, _ in programs) > 0.8 * COUNT


@pytest.mark.parametrize("number", range(COUNT))
def test_equals_torch(number, programs):
    runtime = pytest.importorskip("executorch.runtime")
    program, entry, path = programs[number]
    assert "error" not in entry, entry["error"]
    method = runtime.Runtime.get().load_program(path).load_method("forward")
    for sizes in SIZES:
        inputs, wanted = program.run(sizes)
        for ours, theirs in zip(method.execute(inputs), wanted, strict=True):
            torch.testing.assert_close(ours, theirs.contiguous(), rtol=2e-4, atol=2e-4, check_stride=False)
