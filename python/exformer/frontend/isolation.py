"""Makes this interpreter one in which `torch` is the stand-in and nothing that needs the real one can be found."""

import importlib
import importlib.machinery
import os
import sys
import types

# Packages that bind to PyTorch itself; transformers does without them where they are not installed.
HIDDEN = {
    "torchvision", "torchaudio", "torchao", "torchcodec", "accelerate", "peft", "kernels", "triton", "bitsandbytes",
    "deepspeed", "flash_attn", "flash_attn_interface", "xformers", "causal_conv1d", "mamba_ssm", "apex", "natten",
    "optimum", "auto_gptq", "gptqmodel", "awq", "autoawq", "hqq", "quanto", "eetq", "fbgemm_gpu", "aqlm", "vptq",
    "spqr_quant", "compressed_tensors", "torch_xla", "torch_npu", "timm", "detectron2", "liger_kernel", "fla",
    "onnxruntime", "onnx", "onnxscript", "executorch", "intel_extension_for_pytorch", "tensorflow", "jax", "flax",
    "torch_scatter", "pytorch_quantization", "diffusers", "sentence_transformers", "mistral_common", "xlstm",
}


class _Finder:
    """The usual search along sys.path, without the hidden packages."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            return None
        return importlib.machinery.PathFinder.find_spec(name, path, target)

    @staticmethod
    def find_distributions(context=None):
        return importlib.machinery.PathFinder.find_distributions(context)

    @staticmethod
    def invalidate_caches():
        importlib.machinery.PathFinder.invalidate_caches()


class _Optimize(types.ModuleType):
    """scipy.optimize, which losses import for one function and no export calls: loaded when something else is asked
    for. It takes as long to load as many a model takes to trace."""

    def __getattr__(self, name):
        if name == "linear_sum_assignment":
            return lambda *args, **kwargs: _loaded_optimize().linear_sum_assignment(*args, **kwargs)
        return getattr(_loaded_optimize(), name)


def _loaded_optimize():
    if isinstance(sys.modules["scipy.optimize"], _Optimize):
        del sys.modules["scipy.optimize"]
    return importlib.import_module("scipy.optimize")


def enter():
    """Must come before anything imports torch or transformers."""
    if "torch" in sys.modules:
        raise RuntimeError("torch is loaded already: the front end needs an interpreter of its own")
    sys.meta_path = [_Finder if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "standin"))
    for name in [name for name, value in os.environ.items() if name.startswith(("HF_", "HUGGINGFACE_")) and not value]:
        del os.environ[name]  # as for the program: huggingface_hub would take it for the name of a folder
    sys.modules["scipy.optimize"] = _Optimize("scipy.optimize")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ.setdefault("TQDM_DISABLE", "1")
