"""x[...] and x[...] = y, taken apart into select, slice, unsqueeze, index and index_put."""

from . import _state
from ._symbols import SymBool, SymInt, caller
from ._types import DTYPES


def _is_integer(item):
    if isinstance(item, (int, SymInt)) and not isinstance(item, bool):
        return True
    return hasattr(item, "__index__") and not _is_tensor(item) and not isinstance(item, bool)


def _is_tensor(item):
    return isinstance(item, _state.types["tensor"])


def _call(name, *args):
    return _state.core.call(name, args, {})


def _bound(item, size):
    """A bound of a slice: None, a number, or a tensor's number. Whether a symbolic one counts from the end is as in the
    sample: one that does is told from the start."""
    item = item.item() if _is_tensor(item) else item
    if not isinstance(item, SymInt) or not isinstance(item >= 0, SymBool):
        return item
    hint = _state.core.hint(item)
    if _state.core.depends_on_data(item):
        return item.maximum(0) if bool(item >= 0) else item
    if hint is not None and hint < 0:
        return size + item
    if len(_state.core.free_symbols(item)) > 1:
        return item.maximum(0)
    _state.bounds.append((0, item, "le", True, caller()))
    return item


def _to_index_tensor(item):
    from ._creation import tensor

    if isinstance(item, (list, tuple, range)):
        return tensor(list(item))
    if isinstance(item, bool):
        return tensor(item)
    if not _is_tensor(item) and hasattr(item, "dtype"):
        return tensor(item)
    return item


def _expand_ellipsis(tensor, index):
    items = list(index) if isinstance(index, tuple) else [index]
    used = 0
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, bool):
            continue
        used += item.dim() if _is_tensor(item) and item.dtype is DTYPES["bool"] else 1
    places = [i for i, item in enumerate(items) if item is Ellipsis]
    rest = tensor.dim() - used
    if rest < 0:
        raise IndexError(f"too many indices for tensor of dimension {tensor.dim()}")
    if places:
        return items[: places[0]] + [slice(None)] * rest + items[places[0] + 1 :]
    return items + [slice(None)] * rest


def _take_apart(tensor, index):
    """The view that the plain parts of an index give, and the tensors that index it (None: the whole dim)."""
    view, dim, tensors = tensor, 0, []
    for item in _expand_ellipsis(tensor, index):
        if item is None:
            view = _call("unsqueeze", view, dim)
            tensors.append(None)
            dim += 1
        elif isinstance(item, slice):
            if (item.start, item.stop, item.step) != (None, None, None):
                step = 1 if item.step is None else item.step.item() if _is_tensor(item.step) else item.step
                size = view.size(dim)
                view = _call("slice", view, dim, _bound(item.start, size), _bound(item.stop, size), step)
            tensors.append(None)
            dim += 1
        elif _is_integer(item):
            view = _call("select", view, dim, item)
        elif isinstance(item, bool):
            view = _call("unsqueeze", view, dim)
            tensors.append(_to_index_tensor([item]))
            dim += 1
        else:
            item = _to_index_tensor(item)
            tensors.append(item)
            dim += max(item.dim(), 1) if item.dtype is DTYPES["bool"] else 1
    return view, tensors


def _trimmed(tensors):
    """torch.export's graphs have no trailing None."""
    while tensors and tensors[-1] is None:
        tensors = tensors[:-1]
    return tensors


def get_item(tensor, index):
    if type(index) is list and any(isinstance(item, (slice, type(None))) for item in index):
        index = tuple(index)
    view, tensors = _take_apart(tensor, index)
    if all(item is None for item in tensors):
        return _call("alias", tensor) if view is tensor else view
    return _call("index", view, _trimmed(tensors))


def set_item(tensor, index, value):
    if not _is_tensor(value):
        from ._creation import tensor as make

        value = make(value, dtype=tensor.dtype) if not isinstance(value, (int, float, bool, SymInt)) else value
    view, tensors = _take_apart(tensor, index)
    if all(item is None for item in tensors):
        if not _is_tensor(value):
            _call("fill_", view, value)
            return
        while value.dim() > view.dim():  # leading sizes of 1
            value = _call("squeeze", value, 0)
        _call("copy_", view, value)
        return
    if len(tensors) == 1 and tensors[0].dtype is DTYPES["bool"] and (not _is_tensor(value) or value.dim() == 0):
        mask = tensors[0]
        for _ in range(view.dim() - mask.dim()):
            mask = _call("unsqueeze", mask, -1)
        _call("masked_fill_", view, mask, value)
        return
    if not _is_tensor(value):
        value = _call("scalar_tensor", value).to(view.dtype)
    for mask in tensors:
        if mask is not None and mask.dtype is DTYPES["bool"]:
            _call("nonzero", mask)  # names the number of its true elements, which the value's size has to be
    _call("index_put_", view, _trimmed(tensors), value.to(view.dtype))
