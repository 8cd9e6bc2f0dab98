"""Lists of tensors whose length is a symbol: pieces of one tensor that are put together again."""


class Pieces:
    """What torch.split gives for sizes that data define: the tensor, until somebody wants a piece."""

    def __init__(self, whole, sizes, dim):
        self.whole, self.sizes, self.dim = whole, sizes, dim

    def _list(self):
        from ._functions import split

        return list(split(self.whole, list(self.sizes), self.dim))

    def __iter__(self):
        return iter(self._list())

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
