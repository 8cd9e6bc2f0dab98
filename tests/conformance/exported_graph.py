"""Re-derives every node of a loaded ExportedProgram with fake tensors and compares with the stored metas."""

import contextlib
import random

import sympy
import torch
from torch._guards import detect_fake_mode
from torch.fx.experimental.symbolic_shapes import free_symbols
from torch.nn.attention import SDPBackend, sdpa_kernel


def numeric(value, assignment):
    """A size or stride as a number, under values for all symbols."""
    if isinstance(value, torch.SymInt):
        expression = value.node.expr
        return int(expression.xreplace({s: sympy.Integer(assignment[str(s)]) for s in expression.free_symbols}))
    return int(value)


def describe(tensor, assignment):
    strides = [numeric(s, assignment) for s in tensor.stride()]
    sizes = [numeric(s, assignment) for s in tensor.shape]
    # The stride of a dimension of size 1, and all strides of an empty tensor, mean nothing.
    strides = [0 if size == 1 or 0 in sizes else stride for size, stride in zip(sizes, strides)]
    return str(tensor.dtype), sizes, strides


class Comparer(torch.fx.Interpreter):
    def __init__(self, module, assignments):
        super().__init__(module)
        self.assignments = assignments
        self.faults = []

    def run_node(self, node):
        try:
            result = super().run_node(node)
        except Exception as error:
            self.faults.append(f"{node.name} ({node.target}): torch refuses it: {type(error).__name__}: {error}")
            raise
        stored = node.meta.get("val")
        if node.op == "call_function":
            self.compare(node, stored, result)
        return result

    def compare(self, node, stored, derived):
        pairs = zip(torch.utils._pytree.tree_leaves(stored), torch.utils._pytree.tree_leaves(derived))
        for ours, theirs in pairs:
            for assignment in self.assignments:
                if isinstance(theirs, torch.Tensor):
                    if not isinstance(ours, torch.Tensor):
                        self.faults.append(f"{node.name} ({node.target}): stored as {type(ours).__name__}")
                        break
                    a, b = describe(ours, assignment), describe(theirs, assignment)
                elif isinstance(theirs, (int, torch.SymInt)) and not isinstance(theirs, bool):
                    a, b = numeric(ours, assignment), numeric(theirs, assignment)
                else:
                    break
                if a != b:
                    self.faults.append(f"{node.name} ({node.target}): stored {a}, torch derives {b} at {assignment}")
                    break


def propagation_faults(program, samples=4, math_attention=False):
    """Lines for every node whose stored size, stride or dtype is not what torch derives from its inputs.
    `math_attention` derives attention by the math kernel instead of the one that torch picks by itself."""
    values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"]
    mode = detect_fake_mode(values)
    symbols = sorted({str(s) for node in program.graph.nodes for leaf in torch.utils._pytree.tree_leaves(
        node.meta.get("val")) if isinstance(leaf, (torch.Tensor, torch.SymInt)) for s in free_symbols(leaf)})
    generator = random.Random(5)
    assignments = [{symbol: generator.randint(3, 50) for symbol in symbols} for _ in range(samples)]
    comparer = Comparer(program.graph_module, assignments)
    try:
        kernels = sdpa_kernel(SDPBackend.MATH) if math_attention else contextlib.nullcontext()
        with mode, torch.no_grad(), kernels:
            mode.allow_non_fake_inputs = True
            comparer.run(*values)
    except Exception as error:
        comparer.faults.append(f"propagation stopped: {type(error).__name__}: {str(error)[:500]}")
    return comparer.faults
