"""Complex numbers as rotary embeddings use them: a pair of real tensors with the few operations that turn vectors."""

from . import _state
from ._types import DTYPES


def _call(name, *args):
    return _state.core.call(name, args, {})


class ComplexTensor:
    """real + i * imag. Methods that only move elements go to both parts."""

    dtype = DTYPES["complex64"]
    _MOVES = ("unsqueeze", "squeeze", "reshape", "view", "flatten", "transpose", "permute", "expand", "repeat",
              "contiguous", "detach", "clone", "repeat_interleave")

    def __init__(self, real, imag):
        self.real, self.imag = real, imag

    shape = property(lambda self: self.real.shape)
    device = property(lambda self: self.real.device)
    ndim = property(lambda self: self.real.ndim)

    def dim(self):
        return self.real.dim()

    def size(self, dim=None):
        return self.real.size(dim)

    def to(self, *args, **kwargs):
        return self

    cpu = cuda = to

    def __getattr__(self, name):
        if name in self._MOVES:
            return lambda *args, **kwargs: ComplexTensor(
                getattr(self.real, name)(*args, **kwargs), getattr(self.imag, name)(*args, **kwargs))
        if name.startswith("_"):
            raise AttributeError(name)
        from ._absent import _fail

        return _fail(f"torch.Tensor.{name} of complex numbers")

    def __getitem__(self, index):
        return ComplexTensor(self.real[index], self.imag[index])

    def __mul__(self, other):
        if not isinstance(other, ComplexTensor):
            return ComplexTensor(self.real * other, self.imag * other)
        return ComplexTensor(self.real * other.real - self.imag * other.imag,
                             self.real * other.imag + self.imag * other.real)

    __rmul__ = __mul__

    def __add__(self, other):
        return ComplexTensor(self.real + other.real, self.imag + other.imag)

    def copy_(self, other, non_blocking=False):
        self.real.copy_(other.real)
        self.imag.copy_(other.imag)
        return self

    def conj(self):
        return ComplexTensor(self.real, -self.imag)


def polar(abs, angle, *, out=None):
    return ComplexTensor(abs * angle.cos(), abs * angle.sin())


def view_as_complex(tensor):
    return ComplexTensor(*_call("unbind", tensor, -1))


def view_as_real(tensor):
    return _call("stack", [tensor.real, tensor.imag], -1)


FUNCTIONS = {"polar": polar, "view_as_complex": view_as_complex, "view_as_real": view_as_real}
