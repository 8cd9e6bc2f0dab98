"""Convolutions and pooling of one, two and three dims."""

from ..._creation import empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module


def _tuple(value, rank):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank


class _ConvNd(Module):
    rank = 0
    transposed = False

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None, output_padding=0):
        super().__init__()
        rank = self.rank
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _tuple(kernel_size, rank), _tuple(stride, rank)
        self.padding = padding if isinstance(padding, str) else _tuple(padding, rank)
        self.dilation, self.output_padding = _tuple(dilation, rank), _tuple(output_padding, rank)
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._border()
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty(*channels, *self.kernel_size, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None)

    def _border(self):
        """What F.pad takes: two numbers for each dim, the last dim first."""
        border = []
        for i in reversed(range(self.rank)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                border += [total // 2, total - total // 2]
            else:
                border += [0, 0] if self.padding == "valid" else [self.padding[i]] * 2
        return border

    def reset_parameters(self):
        init.kaiming_uniform_(self.weight)
        if self.bias is not None:
            init.uniform_(self.bias)

    def _conv_forward(self, input, weight, bias):
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
            padding = 0
        convolve = getattr(F, f"conv{self.rank}d")
        return convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_ConvNd):
    rank = 1


class Conv2d(_ConvNd):
    rank = 2


class Conv3d(_ConvNd):
    rank = 3


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1, padding_mode="zeros", device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                         padding_mode, device, dtype, output_padding)

    def forward(self, input, output_size=None):
        if output_size is not None:
            raise NotImplementedError("a transposed convolution with an output_size")
        convolve = getattr(F, f"conv_transpose{self.rank}d")
        return convolve(input, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups,
                        self.dilation)


class ConvTranspose1d(_ConvTransposeNd):
    rank = 1


class ConvTranspose2d(_ConvTransposeNd):
    rank = 2


class ConvTranspose3d(_ConvTransposeNd):
    rank = 3


def _max_pool(rank):
    class MaxPool(Module):
        def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False):
            super().__init__()
            self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
            self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode
            self.return_indices = return_indices

        def forward(self, input):
            pool = getattr(F, f"max_pool{rank}d")
            return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                        self.return_indices)

    return MaxPool


def _avg_pool(rank):
    class AvgPool(Module):
        def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                     divisor_override=None):
            super().__init__()
            self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
            self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
            self.divisor_override = divisor_override

        def forward(self, input):
            pool = getattr(F, f"avg_pool{rank}d")
            return pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
                        self.divisor_override)

    return AvgPool


def _adaptive_pool(kind, rank):
    class AdaptivePool(Module):
        def __init__(self, output_size, return_indices=False):
            super().__init__()
            self.output_size = output_size

        def forward(self, input):
            return getattr(F, f"adaptive_{kind}_pool{rank}d")(input, self.output_size)

    return AdaptivePool


class MaxPool1d(_max_pool(1)):
    pass


class MaxPool2d(_max_pool(2)):
    pass


class MaxPool3d(_max_pool(3)):
    pass


class AvgPool1d(_avg_pool(1)):
    pass


class AvgPool2d(_avg_pool(2)):
    pass


class AvgPool3d(_avg_pool(3)):
    pass


class AdaptiveAvgPool1d(_adaptive_pool("avg", 1)):
    pass


class AdaptiveAvgPool2d(_adaptive_pool("avg", 2)):
    pass


class AdaptiveAvgPool3d(_adaptive_pool("avg", 3)):
    pass


class AdaptiveMaxPool1d(_adaptive_pool("max", 1)):
    pass


class AdaptiveMaxPool2d(_adaptive_pool("max", 2)):
    pass
