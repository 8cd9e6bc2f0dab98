"""The parts of torch that say how the process runs (devices, compilers, training): here there is one CPU, a trace, and
no gradients."""

import contextlib
import statistics
import sys
import types

from . import _absent, _fourier, _functions, _state
from ._types import CPU, DTYPES


def _is_tracing():
    return _state.is_tracing


def _no(*args, **kwargs):
    return False


def _nothing(*args, **kwargs):
    return None


def _same(function=None, *args, **kwargs):
    """A decorator, used with or without arguments."""
    return function if callable(function) else lambda inner: inner


class NoGrad(contextlib.ContextDecorator):
    """no_grad and its like: nothing to switch off."""

    def __new__(cls, *args, **kwargs):
        if len(args) == 1 and callable(args[0]) and not kwargs and not isinstance(args[0], bool):
            return args[0]
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, function):
        return function

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    @classmethod
    def clone(cls):
        return cls()


class Function:
    """torch.autograd.Function, forwards only."""

    @classmethod
    def apply(cls, *args, **kwargs):
        return cls.forward(_Context(), *args, **kwargs)


class _Context:
    needs_input_grad = ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors):
        pass

    def mark_dirty(self, *tensors):
        pass

    def set_materialize_grads(self, value):
        pass


class VmapOnIndices:
    """torch.vmap of a function of index tensors: each level becomes one dim, and broadcasting does the rest."""

    def __init__(self, function, in_dims):
        self.function = function.function if isinstance(function, VmapOnIndices) else function
        inner = function.levels if isinstance(function, VmapOnIndices) else []
        self.levels = [*inner, in_dims]

    def __call__(self, *args):
        count, args = len(self.levels), list(args)
        for level, in_dims in enumerate(self.levels):
            dims = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
            for i, dim in enumerate(dims):
                if dim is None:
                    continue
                if args[i].dim() != 1:
                    raise NotImplementedError("torch.vmap over tensors of more than one dim")
                place = count - 1 - level
                args[i] = args[i].reshape([-1 if j == place else 1 for j in range(count)])
        result = self.function(*args)
        return result


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    return VmapOnIndices(func, in_dims)


def _module(name, is_absent=False, **names):
    module = (_absent.AbsentModule if is_absent else types.ModuleType)("torch." + name)
    module.__path__ = []
    vars(module).update(names)
    sys.modules["torch." + name] = module
    parent, _, leaf = ("torch." + name).rpartition(".")
    setattr(sys.modules[parent], leaf, module)
    return module


def _op(name):
    return lambda *args, **kwargs: _state.core.call(name, args, kwargs)


class Normal:
    """torch.distributions.Normal, as far as a forward pass without sampling needs it."""

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = loc, scale

    mean = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)

    def sample(self, *args):
        raise NotImplementedError("sampling is not exported")

    rsample = sample

    def icdf(self, value):
        known = _state.core.values(value)
        if known is None or not all(isinstance(part, (int, float)) for part in (self.loc, self.scale)):
            raise NotImplementedError("quantiles of numbers that depend on the inputs")
        from ._creation import tensor

        quantile = statistics.NormalDist(self.loc, self.scale).inv_cdf
        return tensor([quantile(part) for part in known], dtype=value.dtype).reshape(value.shape)


class Categorical:
    """torch.distributions.Categorical, without sampling."""

    def __init__(self, probs=None, logits=None, validate_args=None):
        self.logits = logits.log_softmax(-1) if logits is not None else (probs / probs.sum(-1, keepdim=True)).log()

    @property
    def probs(self):
        return self.logits.exp()

    def entropy(self):
        lowest = _smallest(self.logits.dtype)
        return -(self.logits.clamp(min=lowest) * self.probs).sum(-1)

    def log_prob(self, value):
        return self.logits.gather(-1, value.long().unsqueeze(-1)).squeeze(-1)


class Bernoulli:
    """torch.distributions.Bernoulli of logits, without sampling."""

    def __init__(self, probs=None, logits=None, validate_args=None):
        self.logits = logits if logits is not None else _state.core.call("logit", (probs,), {})

    @property
    def probs(self):
        return self.logits.sigmoid()

    mean = probs

    def log_prob(self, value):
        softplus = _state.core.call("softplus", (self.logits,), {})
        return self.logits * value - softplus


def _smallest(dtype):
    from ._types import finfo

    return finfo(dtype).min


class FakeTensor:
    """Nothing is one of these."""


class Generator:
    def __init__(self, device="cpu"):
        self.device = CPU

    def manual_seed(self, seed):
        return self


def install():
    torch = sys.modules["torch"]
    _module("compiler", is_compiling=_is_tracing, is_exporting=_is_tracing, is_dynamo_compiling=_no, disable=_same,
            allow_in_graph=_same, assume_constant_result=_same, substitute_in_graph=lambda *a, **k: _same,
            set_stance=NoGrad, cudagraph_mark_step_begin=_nothing, reset=_nothing)
    _module("cuda", True, is_available=_no, device_count=lambda: 0, is_initialized=_no, empty_cache=_nothing,
            is_current_stream_capturing=_no, get_device_capability=lambda *args: (0, 0), is_bf16_supported=_no,
            current_device=lambda: 0, synchronize=_nothing)
    for name in ("mps", "xpu", "npu", "mlu", "musa", "hpu", "xla"):
        _module(name, True, is_available=_no, device_count=lambda: 0, is_current_stream_capturing=_no)
    _module("backends", True)
    for name in ("mps", "cuda", "cudnn", "mkldnn", "mkl", "openmp", "opt_einsum"):
        _module(f"backends.{name}", True, is_available=_no, is_built=_no, enabled=False, allow_tf32=False)
    torch.backends.cudnn.flags = NoGrad
    torch.backends.cuda.sdp_kernel = NoGrad
    torch.backends.cuda.matmul = types.SimpleNamespace(allow_tf32=False)
    _module("cpu", True, is_available=lambda: True, amp=types.SimpleNamespace(autocast=NoGrad))
    _module("amp", True, autocast=NoGrad, custom_fwd=_same, custom_bwd=_same, GradScaler=FakeTensor)
    torch.cuda.amp = _module("cuda.amp", True, autocast=NoGrad, custom_fwd=_same, custom_bwd=_same)
    _module("accelerator", is_available=_no, current_accelerator=_nothing, device_count=lambda: 0)
    _module("jit", is_tracing=_no, is_scripting=_no, script=_same, ignore=_same, export=_same, unused=_same,
            script_if_tracing=_same, trace=_same, interface=_same, Final=object, isinstance=isinstance,
            ScriptModule=FakeTensor, ScriptFunction=FakeTensor, annotate=lambda kind, value: value)
    _module("distributed", True, is_available=_no, is_initialized=_no, get_rank=lambda *args: 0,
            get_world_size=lambda *args: 1)
    _module("overrides", True, has_torch_function=_no, is_tensor_like=_functions.is_tensor, TorchFunctionMode=NoGrad)
    _module("autograd", True, Function=Function, no_grad=NoGrad, enable_grad=NoGrad, set_grad_enabled=NoGrad)
    _module("autograd.function", True, Function=Function, once_differentiable=_same)
    _module("autograd.graph", True, save_on_cpu=NoGrad)
    _module("autograd.profiler", True, record_function=NoGrad, profile=NoGrad)
    _module("profiler", True, record_function=NoGrad)
    _module("fx", True, Proxy=FakeTensor, wrap=_same)
    _module("fx.proxy", True, Proxy=FakeTensor)
    _module("fx._symbolic_trace", True, is_fx_tracing=_no, is_fx_symbolic_tracing=_no)
    _module("fx.experimental", True)
    _module("fx.experimental.symbolic_shapes", True, GuardOnDataDependentSymNode=_symbols().DataDependentError,
            guard_or_false=_known_true, guard_or_true=lambda value: not _known_false(value),
            statically_known_true=_known_true, guard_size_oblivious=bool, is_symbolic=_is_symbolic,
            has_free_symbols=_is_symbolic, free_unbacked_symbols=lambda value: set())
    _module("_prims_common", True, is_contiguous_or_false=lambda tensor, **kwargs: tensor.is_contiguous())
    _module("_subclasses", True, FakeTensor=FakeTensor)
    _module("_subclasses.fake_tensor", True, FakeTensor=FakeTensor)
    _module("_dynamo", True, mark_static_address=_nothing, disable=_same, allow_in_graph=_same,
            is_compiling=_is_tracing,
            assume_constant_result=_same, graph_break=_nothing, config=types.SimpleNamespace())
    _module("_dynamo.external_utils", True, is_compiling=_is_tracing)
    _module("_dynamo._trace_wrapped_higher_order_op", True, TransformGetItemToIndex=NoGrad)
    _module("linalg", True, norm=_functions.norm, vector_norm=_op("linalg_vector_norm"))
    _module("special", True, logit=_op("logit"), expit=_op("sigmoid"), erf=_op("erf"))
    _module("fft", True, **_fourier.FUNCTIONS)
    _module("distributions", True, Normal=Normal, Categorical=Categorical, Bernoulli=Bernoulli)
    _module("distributions.normal", True, Normal=Normal)
    _module("export", True, Dim=_dim(), ExportedProgram=FakeTensor)
    _module("onnx", True, is_in_onnx_export=_no, ONNXProgram=FakeTensor)
    _module("_C", True, _get_tracing_state=_nothing, _log_api_usage_once=_nothing, _functorch=FakeTensor,
            is_grad_enabled=_no)
    _module("types", True, Device=object, Number=float, _dtype=type(DTYPES["float32"]))
    _module("version", True, cuda=None, hip=None, git_version="", __version__=torch.__version__)
    _module("serialization", True, add_safe_globals=_nothing)
    _module("random", True, manual_seed=_nothing, fork_rng=NoGrad)
    _module("func", True, vmap=vmap)
    _module("_functorch", True)
    _module("_functorch.apis", True, vmap=vmap)
    _module("storage", True, UntypedStorage=FakeTensor, TypedStorage=FakeTensor)
    _module("multiprocessing", True)
    _module("hub", True)
    _module("optim", True)
    _module("testing", True)


def _symbols():
    from . import _symbols as symbols

    return symbols


def _is_symbolic(value):
    return isinstance(value, (_symbols().SymInt, _symbols().SymBool, _symbols().SymFloat))


def _known_true(value):
    return value is True if not isinstance(value, _symbols().SymBool) else False


def _known_false(value):
    return value is False if not isinstance(value, _symbols().SymBool) else False


def _dim():
    class Dim:
        AUTO = DYNAMIC = "auto"
        STATIC = "static"

        def __init__(self, name, *, min=None, max=None):
            self.__name__, self.min, self.max = name, min, max

    return Dim
