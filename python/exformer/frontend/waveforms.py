"""Sound of any length: padding to whole strides, reflections of sequences shorter than they are, what is cut off the
decoded waveform, and spectrograms that are resized to a model's size."""

import inspect

from . import blocks
from .replacing import model_modules, modeling


def extra_padding(self, hidden_states):
    """_get_extra_padding_for_conv1d of the codecs that are like Encodec, in whole numbers."""
    return blocks.missing(hidden_states.shape[-1], self.conv.stride[0])


def reflected(hidden_states, paddings, mode="zero", value=0.0):
    """Their _pad1d, which puts zeros behind a sequence that is too short to be reflected."""
    import torch

    pad, (left, right) = torch.nn.functional.pad, (_number(padding) for padding in paddings)
    if mode != "reflect":
        return pad(hidden_states, (left, right), mode, value)
    zeros = torch.sym_max(torch.sym_max(left, right) - hidden_states.shape[-1] + 1, 0)
    padded = pad(pad(hidden_states, (0, zeros)), (left, right), mode, value)
    return padded[..., :padded.shape[-1] - zeros]


def _number(value):
    return value.item() if hasattr(value, "item") else value


_CUT = "padding_mask.shape[-1] < audio_values.shape[-1]"


def as_long_as_its_mask(method):
    """A method that cuts the sound that it decodes where the mask is shorter: here in every case."""
    signature = inspect.signature(method)

    def patched(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        mask = bound.arguments.get("padding_mask")
        if mask is None:
            return method(*args, **kwargs)
        bound.arguments["padding_mask"] = None
        outputs, length = method(*bound.args, **bound.kwargs), mask.shape[-1]
        if isinstance(outputs, tuple):
            return outputs[0][..., :length], *outputs[1:]
        outputs.audio_values = outputs.audio_values[..., :length]
        return outputs

    return patched


def as_picture(self, normalized_input_features):
    """ClapAudioEncoder.reshape_mel2img, which resizes what is smaller: one of the right size stays what it is."""
    import torch

    ratio = self.freq_ratio
    time, height = int(self.spec_size * ratio), self.spec_size // ratio
    batch, channels, given, bands = normalized_input_features.shape
    if given > time or bands > height:
        raise ValueError("the wav size should be less than or equal to the swin input size")
    picture = torch.nn.functional.interpolate(normalized_input_features, (time, bands), mode="bicubic",
                                              align_corners=True)
    if bands != height:
        picture = torch.nn.functional.interpolate(picture, (time, height), mode="bicubic", align_corners=True)
    picture = picture.reshape(batch, channels * ratio, time // ratio, height).transpose(2, 3)
    return picture.reshape(batch, channels, height * ratio, time // ratio)


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    found = []
    if (clap := modeling("clap")) is not None:
        found.append((clap.ClapAudioEncoder, "reshape_mel2img", as_picture))
    for path, module in model_modules():
        for owner in [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == path]:
            methods = vars(owner)
            if "_pad1d" in methods:
                found += [(owner, "_pad1d", staticmethod(reflected)),
                          (owner, "_get_extra_padding_for_conv1d", extra_padding)]
            found += [(owner, name, as_long_as_its_mask(methods[name])) for name in ("decode", "forward")
                      if name in methods and _CUT in inspect.getsource(methods[name])]
    return found
