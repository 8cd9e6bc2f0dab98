"""Weight normalisation: weight = g * v / |v|, the norm over all dims but one."""

from ... import _state
from ..modules.module import Module
from ..parameter import Parameter
from .parametrize import register_parametrization


def _norm_except(tensor, dim):
    dims = [i for i in range(tensor.dim()) if i != dim % tensor.dim()] if dim is not None else None
    return _state.core.call("linalg_vector_norm", (tensor, 2, dims, True), {})


class _WeightNorm(Module):
    def __init__(self, dim=0):
        super().__init__()
        self.dim = dim

    def forward(self, weight_g, weight_v):
        return weight_v * (weight_g / _norm_except(weight_v, self.dim))

    def right_inverse(self, weight):
        return _norm_except(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0, legacy=False):
    if not legacy:
        return register_parametrization(module, name, _WeightNorm(dim))
    weight = module._parameters.pop(name)
    module.register_parameter(name + "_g", Parameter(_norm_except(weight, dim)))
    module.register_parameter(name + "_v", Parameter(weight))
    computed = _WeightNorm(dim)
    kind = type(module)

    def read(self):
        return computed(self._parameters[name + "_g"], self._parameters[name + "_v"])

    own = type(kind.__name__, (kind,), {name: property(read), "__module__": kind.__module__})
    object.__setattr__(module, "__class__", own)
    return module


def orthogonal(module, name="weight", **kwargs):
    raise NotImplementedError("torch.nn.utils.parametrizations.orthogonal")


def spectral_norm(module, name="weight", **kwargs):
    raise NotImplementedError("torch.nn.utils.parametrizations.spectral_norm")
