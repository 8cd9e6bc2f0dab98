"""Initialisation of parameters. Values that are random here never reach a graph: a checkpoint has them, or the export
says that they are missing."""

import math


def _random(tensor):
    """The tensor now holds random numbers: nothing to compute a weight from."""
    from .._creation import rand

    tensor._rebind(rand(tensor.shape, dtype=tensor.dtype) if tensor.dtype.is_floating_point else tensor)
    return tensor


def calculate_gain(nonlinearity, param=None):
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    return 3.0 / 4 if nonlinearity == "selu" else 1.0


def _calculate_fan_in_and_fan_out(tensor):
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor, mode):
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


def _no_grad_trunc_normal_(tensor, *args, **kwargs):
    return _random(tensor)


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    return _random(tensor)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    return _random(tensor)


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    return _random(tensor)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    return _random(tensor)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    return _random(tensor)


def orthogonal_(tensor, gain=1, generator=None):
    return _random(tensor)


def sparse_(tensor, sparsity, std=0.01, generator=None):
    return _random(tensor)


xavier_normal_ = xavier_uniform_
kaiming_normal_ = kaiming_uniform_
xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal = (
    xavier_uniform_, xavier_normal_, kaiming_uniform_, kaiming_normal_)


def constant_(tensor, val):
    return tensor.fill_(val)


def ones_(tensor):
    return tensor.fill_(1)


def zeros_(tensor):
    return tensor.zero_()


def eye_(tensor):
    from .._creation import eye

    return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor, groups=1):
    if groups != 1:
        raise NotImplementedError("dirac_ with groups")
    with_center = tensor.zero_()
    center = tuple(size // 2 for size in tensor.shape[2:])
    for i in range(min(tensor.shape[0], tensor.shape[1])):
        with_center[(i, i, *center)] = 1
    return tensor


def copy_(tensor, other):
    return tensor.copy_(other)
