"""Lists whose length is a symbol: pieces of one tensor that are put together again, and numbers."""

import operator


class Pieces:
    """What torch.split gives for sizes that data define: the tensor, until somebody wants a piece."""

    as_whole = False  # one piece will do

    def __init__(self, whole, sizes, dim):
        self.whole, self.sizes, self.dim = whole, sizes, dim

    def _list(self):
        from ._functions import split

        return list(split(self.whole, list(self.sizes), self.dim))

    def __iter__(self):
        return iter([self.whole] if self.as_whole else self._list())

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        return self._list()[index]

    def joined(self, dim):
        """The tensor that torch.cat makes of the pieces, if it is the one that they are of."""
        return self.whole if dim in (self.dim, self.dim - self.whole.dim()) else None

    def stacked(self, dim):
        return None


class Rows:
    """A tensor as the list of its rows."""

    def __init__(self, whole):
        self.whole = whole

    def __iter__(self):
        return iter(self.whole.unbind(0))

    def __len__(self):
        return len(self.whole)

    def __getitem__(self, index):
        return self.whole[index]

    def joined(self, dim):
        return self.whole.flatten(0, 1) if dim == 0 and self.whole.dim() > 1 else None

    def stacked(self, dim):
        return self.whole if dim == 0 else None


class Numbers:
    """A tensor of integers as a list of its numbers."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __iter__(self):
        return iter([self.tensor[i].item() for i in range(len(self))])

    def __len__(self):
        return len(self.tensor)

    def __getitem__(self, index):
        return list(self)[index] if isinstance(index, slice) else self.tensor[index].item()


class Table:
    """A tensor of integers as a list of its rows."""

    as_whole = False  # one row of columns will do

    def __init__(self, tensor):
        self.tensor = tensor

    def __iter__(self):
        if self.as_whole:
            return iter([self.tensor.unbind(-1)])
        return iter([self.tensor[i].tolist() for i in range(len(self))])

    def __len__(self):
        return len(self.tensor)

    def __getitem__(self, index):
        return list(self)[index] if isinstance(index, slice) else self.tensor[index].tolist()


class Progression:
    """The list of `range(start, ...)` for a symbolic number of steps, behind a few numbers of another kind."""

    def __init__(self, start, step, count, head=()):
        self.start, self.step, self.count, self.head = start, step, count, list(head)

    def length(self):
        return self.count + len(self.head)

    def tensor(self, dtype=None):
        from . import _creation

        numbers = _creation.arange(self.count, dtype=dtype) * self.step + self.start
        if not self.head:
            return numbers
        from ._functions import cat

        return cat([_creation.tensor(self.head, dtype=numbers.dtype), numbers])

    def __len__(self):
        return len(self.head) + operator.index(self.count)

    def __iter__(self):
        return iter([*self.head, *(self.start + self.step * i for i in range(operator.index(self.count)))])

    def __add__(self, other):
        return list(self) + list(other)

    def __radd__(self, other):
        return Progression(self.start, self.step, self.count, [*other, *self.head])

    def __getitem__(self, index):
        if not isinstance(index, slice):
            if index == -1:
                return self.start + self.step * (self.count - 1)
            return self.head[index] if index < len(self.head) else self.start + self.step * (index - len(self.head))
        start, stop, step = index.start or 0, index.stop, 1 if index.step is None else index.step
        if start not in (0, 1) or stop not in (None, -1) or (step != 1 and len(self.head) > start):
            return list(self)[index]
        result = Progression(self.start, self.step, self.count, self.head)
        if start == 1 and self.head:
            result.head = self.head[1:]
        elif start == 1:
            result.start, result.count = self.start + self.step, self.count - 1
        if stop == -1:
            result.count = result.count - 1
        if step < 0:
            result = Progression(result[-1], -result.step, result.count)
        return Progression(result.start, result.step * abs(step), -((-result.count) // abs(step)), result.head)
