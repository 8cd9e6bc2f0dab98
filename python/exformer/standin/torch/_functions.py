"""Functions of the torch module whose Python form is more than one op of the registry."""

import functools
import math
import operator

from . import _state
from ._rows import Numbers, Pieces, Rows
from ._types import Size


def _call(name, *args, **kwargs):
    return _state.core.call(name, args, kwargs)


def is_tensor(value):
    return isinstance(value, _state.types["tensor"])


def is_floating_point(tensor):
    return tensor.dtype.is_floating_point


def is_complex(tensor):
    return tensor.dtype.is_complex


def numel(tensor):
    return tensor.numel()


def cat(tensors, dim=0, *, axis=None, out=None):
    dim = dim if axis is None else axis
    joined = tensors.joined(dim) if isinstance(tensors, (Pieces, Rows)) else None
    return _call("cat", list(tensors), dim) if joined is None else joined


concat = concatenate = cat


def stack(tensors, dim=0, *, out=None):
    stacked = tensors.stacked(dim) if isinstance(tensors, (Pieces, Rows)) else None
    return _call("stack", list(tensors), dim) if stacked is None else stacked


def split(tensor, split_size_or_sections, dim=0):
    if is_tensor(split_size_or_sections):
        split_size_or_sections = split_size_or_sections.tolist()
    if isinstance(split_size_or_sections, Numbers):
        return Pieces(tensor, split_size_or_sections, dim)
    if isinstance(split_size_or_sections, (list, tuple)):
        return _call("split_with_sizes", tensor, list(split_size_or_sections), dim)
    return _call("split", tensor, split_size_or_sections, dim)


def unbind(tensor, dim=0):
    size = tensor.size(dim)
    if isinstance(size, int):
        return _call("unbind", tensor, dim)
    return tuple(_call("select", tensor, dim, i) for i in range(operator.index(size)))


def squeeze(tensor, dim=None):
    """A symbolic size is not 1."""
    dims = range(tensor.dim()) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = sorted({place % tensor.dim() for place in dims if tensor.dim()})
    for place in reversed([place for place in dims if isinstance(tensor.size(place), int)]):
        tensor = _call("squeeze", tensor, place)
    return tensor


def tensor_split(tensor, indices_or_sections, dim=0):
    size = tensor.size(dim)
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        small, extra = size // count, size % count
        sizes = [small + 1 if i < extra else small for i in range(count)]
        return split(tensor, sizes, dim)
    bounds = [0, *indices_or_sections, size]
    return split(tensor, [end - start for start, end in zip(bounds, bounds[1:])], dim)


def broadcast_shapes(*shapes):
    if not shapes:
        return Size()
    tensors = [_call("empty", list(shape) if isinstance(shape, (tuple, list)) else [shape]) for shape in shapes]
    return functools.reduce(lambda a, b: _call("add", a, b), tensors).shape


def broadcast_tensors(*tensors):
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tensors[0]
    shape = broadcast_shapes(*[tensor.shape for tensor in tensors])
    return tuple(tensor.expand(shape) for tensor in tensors)


def broadcast_to(tensor, size):
    return tensor.expand(size)


def atleast_1d(tensor):
    return tensor.reshape(1) if tensor.dim() == 0 else tensor


def meshgrid(*tensors, indexing=None):
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tensors[0]
    return _call("meshgrid", list(tensors), indexing=indexing or "ij")


def cartesian_prod(*tensors):
    return _call("stack", [grid.reshape(-1) for grid in meshgrid(*tensors)], -1)


def block_diag(*tensors):
    rows = []
    width = sum(tensor.size(1) for tensor in tensors)
    before = 0
    for tensor in tensors:
        after = width - before - tensor.size(1)
        rows.append(_call("constant_pad_nd", tensor, [before, after], 0))
        before = before + tensor.size(1)
    return _call("cat", rows, 0)


def einsum(equation, *operands):
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = operands[0]
    return _call("einsum", equation, list(operands))


def where(condition, input=None, other=None):
    if input is None:
        return nonzero(condition, as_tuple=True)
    return _call("where", condition, input, other)


def nonzero(tensor, *, as_tuple=False):
    result = _call("nonzero", tensor)
    return _call("unbind", result, 1) if as_tuple else result


def norm(tensor, p="fro", dim=None, keepdim=False, dtype=None, *, ord="fro", out=None):
    p = ord if p in ("fro", None) else p
    p = 2 if p in ("fro", None) else p
    dims = [] if dim is None else [dim] if isinstance(dim, int) else list(dim)
    return _call("linalg_vector_norm", tensor, p, dims or None, keepdim, dtype=dtype)


def std(tensor, dim=None, unbiased=True, keepdim=False, *, correction=None):
    dims = None if dim is None else [dim] if isinstance(dim, int) else list(dim)
    return _call("std", tensor, dims, correction=int(unbiased) if correction is None else correction, keepdim=keepdim)


def var(tensor, dim=None, unbiased=True, keepdim=False, *, correction=None):
    dims = None if dim is None else [dim] if isinstance(dim, int) else list(dim)
    return _call("var", tensor, dims, correction=int(unbiased) if correction is None else correction, keepdim=keepdim)


def unique(tensor, sorted=True, return_inverse=False, return_counts=False, dim=None):
    from ._creation import tensor as make

    if return_inverse or return_counts or dim is not None:
        raise NotImplementedError("torch.unique with indices, counts or a dim")
    return make(builtins_sorted(set(tensor.reshape(-1).tolist())), dtype=tensor.dtype)


builtins_sorted = sorted


def unique_consecutive(tensor, return_inverse=False, return_counts=False, dim=None):
    from ._creation import tensor as make

    if return_inverse or return_counts or dim is not None:
        raise NotImplementedError("torch.unique_consecutive with indices, counts or a dim")
    values = tensor.reshape(-1).tolist()
    return make([value for i, value in enumerate(values) if i == 0 or value != values[i - 1]], dtype=tensor.dtype)


def equal(a, b):
    if a.shape != b.shape:
        return False
    stored = _state.core.compare_stored(a, b)  # weights as large as a vocabulary are compared where they lie
    return bool(_call("all", _call("eq", a, b))) if stored is None else stored


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    return bool(_call("all", _call("le", _call("abs", a - b), atol + rtol * _call("abs", b))))


def clamp(tensor, min=None, max=None, *, out=None):
    return _call("clamp", tensor, min, max)


def cdist(a, b, p=2.0, **kwargs):
    if p != 2.0:
        raise NotImplementedError("torch.cdist with p other than 2")
    difference = a.unsqueeze(-2) - b.unsqueeze(-3)
    return _call("linalg_vector_norm", difference, 2, [-1])


def diff(tensor, n=1, dim=-1, prepend=None, append=None):
    parts = [part for part in (prepend, tensor, append) if part is not None]
    tensor = _call("cat", parts, dim) if len(parts) > 1 else tensor
    for _ in range(n):
        size = tensor.size(dim)
        later, earlier = _call("slice", tensor, dim, 1, size), _call("slice", tensor, dim, 0, size - 1)
        tensor = _call("ne", later, earlier) if tensor.dtype.name == "bool" else later - earlier
    return tensor


def tensordot(a, b, dims=2):
    if isinstance(dims, int):
        a_dims, b_dims = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        a_dims, b_dims = [list(part) for part in dims]
    a_dims = [dim % a.dim() for dim in a_dims]
    b_dims = [dim % b.dim() for dim in b_dims]
    a_free = [dim for dim in range(a.dim()) if dim not in a_dims]
    b_free = [dim for dim in range(b.dim()) if dim not in b_dims]
    shared = math.prod([a.size(dim) for dim in a_dims])
    left = a.permute(a_free + a_dims).reshape(-1, shared)
    right = b.permute(b_dims + b_free).reshape(shared, -1)
    return _call("mm", left, right).reshape([a.size(d) for d in a_free] + [b.size(d) for d in b_free])


def repeat_interleave(tensor, repeats=None, dim=None, *, output_size=None):
    if repeats is None:
        return _call("repeat_interleave", tensor, output_size=output_size)
    if is_tensor(repeats):
        known = _state.core.values(repeats)
        if known is not None and len(set(known)) == 1:
            repeats = known[0]
    return _call("repeat_interleave", tensor, repeats, dim, output_size=output_size)


def bincount(tensor, weights=None, minlength=0):
    values = tensor.tolist()
    from ._creation import tensor as make

    counts = [0] * max(minlength, max(values, default=-1) + 1)
    for value in values:
        counts[value] += 1
    return make(counts)


def promote_types(a, b):
    return _call("add", _call("empty", [1], dtype=a), _call("empty", [1], dtype=b)).dtype


def result_type(a, b):
    return _call("add", a, b).dtype


def can_cast(a, b):
    order = ["bool", "int", "float", "complex"]
    return order.index(a.category) <= order.index(b.category)


def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    return _call("addmm", input, mat1, mat2, beta=beta, alpha=alpha)


def empty_like(tensor, *, dtype=None, **kwargs):
    return _call("empty_like", tensor, dtype=dtype)


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    return _call("isin", elements, test_elements, assume_unique=assume_unique, invert=invert)


def log_softmax(input, dim, dtype=None):
    return _call("log_softmax", input, dim, dtype)


def chunk(input, chunks, dim=0):
    return _call("chunk", input, chunks, dim)


def bucketize(input, boundaries, *, out_int32=False, right=False):
    return _call("bucketize", input, boundaries, out_int32=out_int32, right=right)


def square(input):
    return _call("mul", input, input) if not _state.core.has_op("square") else _call("square", input)


def sym_numel(tensor):
    return tensor.numel()



METHODS = ("split", "unbind", "squeeze", "tensor_split", "norm", "std", "var", "nonzero", "repeat_interleave",
           "unique", "equal", "clamp", "bincount", "broadcast_to", "diff", "allclose")
FUNCTIONS = {name: value for name, value in list(globals().items())
             if callable(value) and not name.startswith("_") and getattr(value, "__module__", None) == __name__}
