"""nn.Parameter and nn.Buffer: tensors that a module knows by name."""

from .._complex import ComplexTensor
from .._tensor import Tensor


class Parameter(Tensor):
    def __init__(self, data=None, requires_grad=True):
        super().__init__(data)
        self.requires_grad = requires_grad

    def __deepcopy__(self, memo):
        copy = type(self)(self.clone(), self.requires_grad)
        memo[id(self)] = copy
        return copy


class Buffer(Tensor):
    def __new__(cls, data=None, *, persistent=True):
        return data if isinstance(data, ComplexTensor) else super().__new__(cls)

    def __init__(self, data=None, *, persistent=True):
        super().__init__(data)
        self.persistent = persistent


class UninitializedParameter(Parameter):
    pass


class UninitializedBuffer(Tensor):
    pass
