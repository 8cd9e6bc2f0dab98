"""Activations as modules, losses (which can be made, not called) and multi-head attention."""

from ..._creation import empty, full
from .. import functional as F
from .. import init
from .._attention import attend
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module


def _activation(name, function, *parameters):
    """A module that calls `function` with its parameters, given as (name, default)."""

    class Activation(Module):
        def __init__(self, *args, inplace=False, **kwargs):
            super().__init__()
            self.inplace = inplace
            self._names = [key for key, _ in parameters]
            for i, (key, default) in enumerate(parameters):
                setattr(self, key, args[i] if i < len(args) else kwargs.get(key, default))

        def forward(self, input):
            return function(input, *[getattr(self, key) for key in self._names])

    Activation.__name__ = Activation.__qualname__ = name
    Activation.__module__ = "torch.nn.modules.activation"
    return Activation


ReLU = _activation("ReLU", F.relu)
ReLU6 = _activation("ReLU6", F.relu6)
SiLU = _activation("SiLU", F.silu)
Mish = _activation("Mish", F.mish)
Tanh = _activation("Tanh", F.tanh)
Sigmoid = _activation("Sigmoid", F.sigmoid)
LogSigmoid = _activation("LogSigmoid", F.logsigmoid)
Hardswish = _activation("Hardswish", F.hardswish)
Hardsigmoid = _activation("Hardsigmoid", F.hardsigmoid)
Softsign = _activation("Softsign", F.softsign)
Tanhshrink = _activation("Tanhshrink", F.tanhshrink)
SELU = _activation("SELU", F.selu)
GELU = _activation("GELU", lambda input, approximate: F.gelu(input, approximate), ("approximate", "none"))
ELU = _activation("ELU", F.elu, ("alpha", 1.0))
CELU = _activation("CELU", F.celu, ("alpha", 1.0))
LeakyReLU = _activation("LeakyReLU", F.leaky_relu, ("negative_slope", 0.01))
Softplus = _activation("Softplus", F.softplus, ("beta", 1.0), ("threshold", 20.0))
Hardtanh = _activation("Hardtanh", F.hardtanh, ("min_val", -1.0), ("max_val", 1.0))
Hardshrink = _activation("Hardshrink", F.hardshrink, ("lambd", 0.5))
Softshrink = _activation("Softshrink", F.softshrink, ("lambd", 0.5))
Threshold = _activation("Threshold", F.threshold, ("threshold", 0.0), ("value", 0.0))
GLU = _activation("GLU", F.glu, ("dim", -1))
Softmax = _activation("Softmax", F.softmax, ("dim", None))
LogSoftmax = _activation("LogSoftmax", F.log_softmax, ("dim", None))
Softmin = _activation("Softmin", F.softmin, ("dim", None))


class PReLU(Module):
    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full([num_parameters], init, dtype=dtype))

    def forward(self, input):
        return F.prelu(input, self.weight)

    def reset_parameters(self):
        """Nothing: weights come from the checkpoint."""


class _Loss(Module):
    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__}: losses are not exported")


def _loss(name):
    return type(name, (_Loss,), {"__module__": "torch.nn.modules.loss"})


LOSSES = {name: _loss(name) for name in (
    "CrossEntropyLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "KLDivLoss",
    "CTCLoss", "HuberLoss", "CosineEmbeddingLoss", "MarginRankingLoss", "TripletMarginLoss")}


class MultiheadAttention(Module):
    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None,
                 vdim=None, batch_first=False, device=None, dtype=None):
        super().__init__()
        if add_bias_kv or add_zero_attn:
            raise NotImplementedError("nn.MultiheadAttention with add_bias_kv or add_zero_attn")
        self.embed_dim, self.num_heads, self.batch_first, self.dropout = embed_dim, num_heads, batch_first, dropout
        self.head_dim = embed_dim // num_heads
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        packed = self._qkv_same_embed_dim
        self.register_parameter("in_proj_weight", Parameter(empty(3 * embed_dim, embed_dim, dtype=dtype)) if packed
                                else None)
        for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            weight = None if packed else Parameter(empty(embed_dim, width, dtype=dtype))
            self.register_parameter(f"{name}_proj_weight", weight)
        self.register_parameter("in_proj_bias", Parameter(empty(3 * embed_dim, dtype=dtype)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        self.bias_k = self.bias_v = None

    def _reset_parameters(self):
        init.xavier_uniform_(self.in_proj_weight if self._qkv_same_embed_dim else self.q_proj_weight)

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
                average_attn_weights=True, is_causal=False):
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = (tensor.transpose(0, 1) for tensor in (query, key, value))
        weights = (self.in_proj_weight.chunk(3) if self._qkv_same_embed_dim
                   else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight))
        output, probabilities = attend(query, key, value, self.num_heads, weights, self.in_proj_bias,
                                       self.out_proj.weight, self.out_proj.bias, key_padding_mask, need_weights,
                                       attn_mask, average_attn_weights)
        return (output.transpose(0, 1) if turned else output), probabilities
