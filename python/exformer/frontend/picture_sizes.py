"""Code that goes one way for some sizes of pictures and another way for the rest: as arithmetic that is right for
all of them."""

import inspect

from .replacing import model_modules, replaced


def _is_open(value):
    """A size that differs from call to call, or a tensor with one behind its batch."""
    from torch import SymInt, Tensor

    sizes = value._sizes()[1:] if isinstance(value, Tensor) else [value]
    return any(isinstance(size, SymInt) for size in sizes)


def always_resized(method):
    """A method that gives learned positions as they are where the picture has their size, unless torch.jit traces: a
    resize to the same size changes nothing."""

    def patched(*args, **kwargs):
        import torch

        if not any(_is_open(value) for value in (*args, *kwargs.values())):
            return method(*args, **kwargs)
        with replaced(torch.jit, "is_tracing", lambda: True):
            return method(*args, **kwargs)

    return staticmethod(patched) if isinstance(method, staticmethod) else patched


def resized_positions():
    """[(class, name, value)] for the methods that resize and ask whether torch.jit traces."""
    found = []
    for path, module in model_modules():
        for owner in [value for value in vars(module).values() if isinstance(value, type)]:
            for name, method in list(vars(owner).items()) if owner.__module__ == path else ():
                function = getattr(method, "__func__", method)
                if not inspect.isfunction(function) or "is_tracing" not in function.__code__.co_names:
                    continue
                if "interpolate" in function.__code__.co_names and "ceil" not in function.__code__.co_names:
                    found.append((owner, name, always_resized(method)))
    return found


def padded_as_tensorflow(features, conv_layer):
    """apply_tf_padding of mobilenet_v1 and mobilenet_v2, which asks whether the stride divides the size: what is
    missing to ceil(size / stride) steps of the kernel."""
    import torch

    padding = []
    for axis in (1, 0):
        size, kernel, stride = features.shape[axis - 2], conv_layer.kernel_size[axis], conv_layer.stride[axis]
        missing = torch.sym_max((torch._symbols.sym_ceildiv(size, stride) - 1) * stride + kernel - size, 0)
        dilation = conv_layer.dilation[axis]
        padding += [missing // 2 * dilation, (missing - missing // 2) * dilation]
    return torch.nn.functional.pad(features, padding)


def window_and_shift(method):
    """set_shift_and_window_size of the Swin family: a map whose smaller side is one window is not shifted. Smaller maps
    are one window too, for which the table of relative positions is too large: the model refuses them."""

    def patched(self, input_resolution):
        import torch

        is_open = any(_is_open(side) for side in input_resolution)
        if not is_open or any(side < self.window_size for side in input_resolution):
            return method(self, input_resolution)
        beyond = torch.sym_min(*input_resolution) - self.window_size
        self.shift_size = torch._symbols.counts_as_some(torch.sym_min(beyond, 1) * self.shift_size)

    return patched


def stretched(method):
    """ClapAudioEncoder.reshape_mel2img: a spectrogram shorter than the picture that it becomes is resized, which
    changes nothing where it has that size."""

    def patched(self, normalized_input_features):
        import torch

        time, frequency = normalized_input_features.shape[-2:]
        torch._symbols.counts_as_some(int(self.spec_size * self.freq_ratio) - time)
        torch._symbols.counts_as_some(self.spec_size // self.freq_ratio - frequency)
        return method(self, normalized_input_features)

    return patched


_METHODS = {"set_shift_and_window_size": window_and_shift, "reshape_mel2img": stretched}


def replacements():
    """[(owner, name, value)] for the families that are loaded."""
    found = resized_positions()
    for path, module in model_modules():
        if "apply_tf_padding" in vars(module):
            found.append((module, "apply_tf_padding", padded_as_tensorflow))
        for owner in [value for value in vars(module).values() if isinstance(value, type)]:
            for name, patch in _METHODS.items() if owner.__module__ == path else ():
                if name in vars(owner):
                    found.append((owner, name, patch(vars(owner)[name])))
    return found
