"""torch.nn.utils: weight normalisation as torch keeps it in checkpoints, and helpers for training that do nothing."""

from . import parametrizations, parametrize, rnn
from .parametrizations import weight_norm as _weight_norm


def weight_norm(module, name="weight", dim=0):
    """The older form: weight_g and weight_v beside the layer's own parameters."""
    return _weight_norm(module, name, dim, legacy=True)


def remove_weight_norm(module, name="weight"):
    return module


def spectral_norm(module, *args, **kwargs):
    raise NotImplementedError("torch.nn.utils.spectral_norm")


def clip_grad_norm_(*args, **kwargs):
    raise NotImplementedError("training is not exported")


def parameters_to_vector(parameters):
    from ... import _state

    return _state.core.call("cat", ([parameter.reshape(-1) for parameter in parameters],), {})


def skip_init(module_class, *args, **kwargs):
    return module_class(*args, **kwargs)


__all__ = ["parametrizations", "parametrize", "rnn", "weight_norm", "remove_weight_norm"]
