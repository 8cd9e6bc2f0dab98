"""What real torch says of `.pt2` files: torch_test.cpp runs one of these commands.

load FOLDER   FOLDER holds the samples of sample_programs.cpp; each must load, run and decompose as stated here
save FOLDER   writes programs made by torch.export
same FOLDER   every name.pt2 beside a name.ours.pt2 must give the same results, at several sizes
"""

import sys
from pathlib import Path

import sympy
import torch


def pattern(count):
    return torch.tensor([0.25 * (i % 7 - 3) for i in range(count)])


def kitchen_sink(x, z):
    weight, bias = pattern(32).view(8, 4), pattern(8)
    linear = torch.nn.functional.linear
    view = (linear(x, weight, bias) + 2 * linear(x, weight)).reshape(-1, 2, 4)
    piece = view[:, :1] * 2.5
    top = view.max(1)
    shifted = z.unsqueeze(0).expand(x.shape[0] // 2 + 1, -1, -1) + torch.tensor([1.0, 2, 3]) + torch.tensor([5.0, 6, 7])
    joined = torch.cat([x[:, torch.tensor([0, 0])], x[:, max(x.shape[1] - 2, 0) :]], 1)
    return {
        "v": view,
        "m": torch.arange(x.shape[1] + 3, dtype=torch.float32)[:, None],
        "t": (piece.masked_fill(piece < 0, float("-inf")), None, 3, x.shape[0] // 2),
        "q": [top.values, top.indices],
        "e": shifted,
        "i": joined.transpose(0, 1),
        "r": x.shape[1] % 3,
    }


def check_same(actual, expected, where=""):
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5, msg=lambda text: f"{where}: {text}")
        assert actual.stride() == expected.stride(), (where, actual.stride(), expected.stride())
    elif isinstance(expected, dict):
        assert list(actual) == list(expected), where
        for key in expected:
            check_same(actual[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), where
        for i, (a, e) in enumerate(zip(actual, expected)):
            check_same(a, e, f"{where}.{i}")
    else:
        assert actual == expected, (where, actual, expected)


def check_metas(program):
    """Fake tensors sent through the graph get the sizes, strides and dtypes that the file states."""

    def equal(a, b):
        # Two forms of one size need not look alike (min(2, s), s - max(0, s - 2)): compare their values.
        a, b = (value.node.expr if isinstance(value, torch.SymInt) else value for value in (a, b))
        difference = sympy.sympify(a - b)
        symbols = sorted(difference.free_symbols, key=str)
        return all(difference.subs({s: n + 3 * i for i, s in enumerate(symbols)}) == 0 for n in range(2, 12))

    class Propagate(torch.fx.Interpreter):
        def run_node(self, node):
            result = super().run_node(node)
            stated = node.meta.get("val")
            if node.op == "call_function" and isinstance(stated, torch.Tensor):
                assert stated.dtype == result.dtype and stated.dim() == result.dim(), (node, stated, result)
                pairs = [*zip(stated.size(), result.size()), *zip(stated.stride(), result.stride())]
                assert all(equal(a, b) for a, b in pairs), (
                    node,
                    stated.stride(),
                    result.stride(),
                    stated.size(),
                    result.size(),
                )
            return result

    inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"]
    mode = next(value.fake_mode for value in inputs if isinstance(value, torch.Tensor))
    with mode, torch.no_grad():
        Propagate(program.graph_module).run(*inputs)


def load(folder):
    program = torch.export.load(folder / "kitchen_sink.pt2")
    assert str(program.range_constraints) == "{s0: VR[1, 32], s1: VR[1, int_oo]}", program.range_constraints
    assert program.state_dict["l.weight"].data_ptr() == program.state_dict["t.weight"].data_ptr()
    check_metas(program)
    for module in (program.module(), program.run_decompositions().module()):
        for batch, seq in [(1, 1), (1, 5), (2, 1), (5, 17), (6, 7), (32, 2)]:
            x, z = torch.randn(batch, seq, 4), torch.randn(seq, 3)
            check_same(module(x=x, z=z), kitchen_sink(x, z))
    torch.export.save(program, folder / "saved_again.pt2")
    torch.export.load(folder / "saved_again.pt2")

    x = torch.randn(9, 3)
    result, rows = torch.export.load(folder / "derived_dims.pt2").module()(x, count=2)
    assert rows == 4
    check_same(result, torch.full((4, 2), 1.5) + x.sum())

    x = torch.randn(1, 1, 4)
    plain = torch.export.load(folder / "with_cache.plain.pt2").module()(input_ids=x)
    check_same(plain, {"logits": 5 * x, "past_key_values": {"layers": [{"keys": 2 * x, "values": 3 * x}]}})
    try:
        from executorch.exir import to_edge_transform_and_lower
    except ImportError:
        return
    to_edge_transform_and_lower(torch.export.load(folder / "with_cache.plain.pt2")).to_executorch()


class Mixed(torch.nn.Module):
    """Most kinds of argument, tied and non-contiguous weights, a non-persistent buffer, constants made on the way."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 8)
        self.second = torch.nn.Linear(4, 8)
        self.second.weight = self.first.weight
        self.turned = torch.nn.Parameter(torch.randn(8, 5).t())
        self.register_buffer("kept", torch.ones(3))
        self.register_buffer("scratch", torch.tensor([2.0, 5.0]), persistent=False)

    def forward(self, x, z, flag=None):
        total = self.first(x) + self.second(x)
        view = total.view(total.shape[0] * total.shape[1], 2, 4)
        pieces = torch.split(view, 1, dim=1)
        with torch.no_grad():
            scale = torch.nn.functional.gelu(z) * 0.5
        scale = scale.unsqueeze(0).expand(x.shape[0] // 2 + 1, -1, -1) + self.kept + self.scratch[0]
        ramp = torch.arange(x.shape[1] + 3, dtype=torch.float32)
        return {
            "view": pieces[0] * 2.5 + torch.tensor([1.0, 2.0]).sum(),
            "list": [view.amax(1), torch.nn.functional.linear(total, self.turned), None, 3, x.shape[0] // 2],
            "scale": scale.masked_fill(scale > 1, float("-inf")),
            "ramp": ramp[:, None] ** 2,
            "softmax": total.transpose(1, 2).softmax(-1),
        }


def mixed_inputs(batch, seq):
    return {"x": torch.randn(batch, seq, 4), "z": torch.randn(seq, 3), "flag": None}


class Chain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.LayerNorm([8, 6, 6]), torch.nn.Flatten()
        )

    def forward(self, images):
        return (self.body(images).mean(-1, keepdim=True),)


def chain_inputs(batch, _):
    return {"images": torch.randn(batch, 3, 6, 6)}


PROGRAMS = {"mixed": (Mixed, mixed_inputs), "chain": (Chain, chain_inputs)}


def save(folder):
    for name, (make, inputs) in PROGRAMS.items():
        torch.manual_seed(0)
        kwargs = inputs(6, 7)
        dims = {
            key: None if value is None else {i: torch.export.Dim.AUTO for i in range(value.dim())}
            for key, value in kwargs.items()
        }
        program = torch.export.export(make().eval(), (), kwargs, dynamic_shapes=dims, strict=False)
        torch.export.save(program, folder / f"{name}.pt2")


def same(folder):
    for name, (_, inputs) in PROGRAMS.items():
        theirs = torch.export.load(folder / f"{name}.pt2").module()
        program = torch.export.load(folder / f"{name}.ours.pt2")
        check_metas(program)
        ours = program.module()
        for batch, seq in [(6, 7), (2, 3), (5, 17)]:
            kwargs = inputs(batch, seq)
            given = {key: value for key, value in kwargs.items() if value is not None}
            check_same(ours(**given), theirs(**kwargs), name)


if __name__ == "__main__":
    torch.manual_seed(1)
    {"load": load, "save": save, "same": same}[sys.argv[1]](Path(sys.argv[2]))
