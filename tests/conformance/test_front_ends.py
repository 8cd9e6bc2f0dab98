"""The families of the native zoo through both front ends: transformers' own code gives what transformers computes at
every shape, and its graph does the same arithmetic as the native one.

docs/transformers-frontend.md ("The same model by both front ends") says what may differ. Here a graph is reduced to
what may not: each call that depends on a weight or on a floating input is its op, its scalars, the dtype and sizes of
its result, the bytes of its weights, and the calls it reads, wherever nothing but views, copies and joins lie between.
"""

import hashlib
import os
import zlib

import compare
import pytest
import torch
from catalogue import rows
from conftest import load_program
from foreign import load_pt2, run_all_cases
from torch.export.graph_signature import InputKind

pytestmark = pytest.mark.usefixtures("no_reference")
MOVES = {"_to_copy", "_unsafe_view", "alias", "cat", "clone", "contiguous", "expand", "expand_as", "flatten", "getitem",
         "index", "index_select", "permute", "reshape", "select", "slice", "split", "squeeze", "to", "transpose",
         "unsqueeze", "view"}
COMMUTATIVE = {"add", "mul"}
ALIASES = {"clip": "clamp"}


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


class Arithmetic:
    """What a program computes from its weights and floating inputs: `calls` by their keys, `results` as keys."""

    def __init__(self, program, shapes):
        self.sizes, self.keys, self.calls = {}, {}, {}
        self.read_inputs(program, shapes)
        for node in program.graph.nodes:
            if node.op == "call_function" and isinstance(node.meta.get("val"), (torch.Tensor, tuple, list)):
                self.read_call(node)
        output = next(node for node in program.graph.nodes if node.op == "output")
        self.results = [self.keys.get(leaf, "of positions") for leaf in torch.utils._pytree.tree_leaves(output.args)]

    def read_inputs(self, program, shapes):
        specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        leaves = iter(enumerate(shapes))
        for node in program.graph.nodes:
            spec = specs.get(node.name) if node.op == "placeholder" else None
            if spec is None:
                continue
            if spec.kind == InputKind.PARAMETER:
                self.keys[node] = digest(contents(program.state_dict[spec.target]))
            elif spec.kind == InputKind.USER_INPUT:
                value, (number, shape) = node.meta["val"], next(leaves)
                if value.dtype.is_floating_point:
                    self.keys[node] = digest(number)
                for size, known in zip(value.shape, shape):
                    if isinstance(size, torch.SymInt) and size.node.expr.is_Symbol:
                        self.sizes[size.node.expr] = known

    def read_call(self, node):
        read = [self.keys[each] for each in node.all_input_nodes if each in self.keys]
        if not read:
            return  # of positions, masks and sizes only
        op = node.target.__name__.partition(".")[0]
        value = node.meta["val"] if isinstance(node.meta["val"], torch.Tensor) else node.meta["val"][0]
        is_mask_added = op == "add" and len(read) == 1 and len(node.all_input_nodes) == 2
        if op in MOVES or is_mask_added:
            self.keys[node] = read[0] if len(set(read)) == 1 else digest("join", sorted(set(read)))
            return
        leaves = torch.utils._pytree.tree_leaves((node.args, node.kwargs))
        scalars = [float(each) for each in leaves if isinstance(each, (int, float)) and not isinstance(each, bool)
                   and op != "embedding"]  # its padding_idx is for training
        call = ALIASES.get(op, op), scalars, str(value.dtype), [self.number(size) for size in value.shape]
        self.keys[node] = digest(call, sorted(read) if op in COMMUTATIVE else read)
        self.calls[self.keys[node]] = call

    def number(self, size):
        return int(size.node.expr.xreplace(self.sizes)) if isinstance(size, torch.SymInt) else int(size)


def contents(tensor):
    """Contents stand for names: tied weights have two of them."""
    return tuple(tensor.shape), hashlib.sha256(tensor.detach().contiguous().view(torch.uint8).numpy()).hexdigest()


def cases():
    """Heads, ropes, windows and output flags, of full rows with all inputs: the half of them that their names decide.
    The rest of the catalogue with EXFORMER_ALL_ROWS=1."""
    everything = os.environ.get("EXFORMER_ALL_ROWS") == "1"
    for row in rows():
        is_left_out = zlib.crc32(row.name.encode()) % 2 == 1
        is_variant = any(part in row.name for part in ("_act_", "_bf16", "_f16", "_to_", "_tied", "_sharded", "_no_"))
        if everything or not (is_variant or is_left_out):
            yield from ((row.name, name) for name in (row.programs if everything or row.full else row.programs[:1]))


@pytest.mark.parametrize("row, name", cases(), ids=["-".join(case) for case in cases()])
def test_same_outputs_and_arithmetic(row, name, exformer, traced, zoo, tmp_path):
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    program = load_program(zoo, row, name)
    exformer.export(program.checkpoint, "dynamo", tmp_path / "native", program.sample,
                    [*program.export_args, "--frontend", "native"])
    traced(program.checkpoint, "dynamo", tmp_path / "transformers", program.sample,
           dtype=program.dtype if program.export_args else None)
    loaded = ExportedModel.from_pretrained(tmp_path / "transformers")
    assert run_all_cases(tmp_path / "transformers", program, loaded=loaded) == []

    inputs = compare.forward_kwargs(tmp_path / "native", compare.read_leaves(program.sample))
    shapes = [leaf.shape for leaf in get_leaf_tensors(inputs).values()]
    native, traced = (Arithmetic(each, shapes)
                      for each in (load_pt2(tmp_path / "native"), loaded.components["model"].program))
    assert [native.calls[key] for key in native.calls.keys() - traced.calls.keys()] == []
    assert [traced.calls[key] for key in traced.calls.keys() - native.calls.keys()] == []
    assert native.results == traced.results
