"""torch.fft as products with the matrices of the transforms: exact for any size, symbolic ones too."""

import math

from . import _state
from ._complex import ComplexTensor


def _call(name, *args, **kwargs):
    return _state.core.call(name, args, kwargs)


def _matrices(rows, columns, period):
    """Cosine and sine of 2 pi j k / period, [rows, columns]."""
    products = _call("arange", rows).unsqueeze(1) * _call("arange", columns)
    angles = (products % period).float() * (2 * math.pi) / period
    return angles.cos(), angles.sin()


def _applied(tensor, dim, matrix):
    """The matrix product along one dim."""
    return (tensor.transpose(dim, -1) @ matrix).transpose(dim, -1)


def _refuse(n, norm):
    if n is not None or norm not in (None, "backward"):
        raise NotImplementedError("torch.fft with another length or norm than the usual ones")


def fft(input, n=None, dim=-1, norm=None, *, out=None):
    _refuse(n, norm)
    size = input.shape[dim]
    cosine, sine = _matrices(size, size, size)
    if not isinstance(input, ComplexTensor):
        return ComplexTensor(_applied(input, dim, cosine), -_applied(input, dim, sine))
    return ComplexTensor(_applied(input.real, dim, cosine) + _applied(input.imag, dim, sine),
                         _applied(input.imag, dim, cosine) - _applied(input.real, dim, sine))


def fftn(input, s=None, dim=None, norm=None, *, out=None):
    for axis in reversed(dim if dim is not None else range(input.dim())):
        input = fft(input, s, axis, norm)
    return input


def rfft(input, n=None, dim=-1, norm=None, *, out=None):
    _refuse(n, norm)
    size = input.shape[dim]
    cosine, sine = _matrices(size, size // 2 + 1, size)
    return ComplexTensor(_applied(input, dim, cosine), -_applied(input, dim, sine))


def irfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Each frequency but the first and, for even sizes, the last stands for its mirror image too."""
    _refuse(None, norm)
    bins = input.shape[dim]
    size = 2 * (bins - 1) if n is None else n
    cosine, sine = _matrices(bins, size, size)
    place = _call("arange", bins).unsqueeze(1)
    weight = _call("where", (place == 0) | (2 * place == size), 1.0, 2.0) / size
    return _applied(input.real, dim, cosine * weight) - _applied(input.imag, dim, sine * weight)


FUNCTIONS = {"fft": fft, "fftn": fftn, "rfft": rfft, "irfft": irfft}
