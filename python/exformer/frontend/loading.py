"""Loads a checkpoint with transformers' own code: the class, its config, and every rule by which weights find their
parameters. The weights stay in the mapped file; what the rules do to them is recorded."""

import contextlib

from exformer import _core

from . import model_class

_SHORT = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
          "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
          "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "complex64": "C64"}


class MappedSlice:
    """safetensors' get_slice: a tensor that is not read."""

    def __init__(self, file, name):
        self._file, self._name = file, name

    def get_shape(self):
        return self._file.sizes(self._name)

    def get_dtype(self):
        return _SHORT[self._file.dtype(self._name)]

    def tensor(self):
        import torch

        return torch.Tensor(torch._state.core.checkpoint_tensor(self._file, self._name))

    def __getitem__(self, index):
        tensor = self.tensor()
        return tensor if index is Ellipsis else tensor[index]


class MappedFile:
    """safetensors.safe_open over a mapping."""

    def __init__(self, filename, framework="pt", device="cpu", backend=None):
        self._file = _core.open_safetensors(str(filename))

    def keys(self):
        return self._file.names

    offset_keys = keys

    def metadata(self):
        return self._file.metadata or {"format": "pt"}

    def get_slice(self, name):
        return MappedSlice(self._file, name)

    def get_tensor(self, name):
        return MappedSlice(self._file, name).tensor()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


def _own_buffers(model, *args, **kwargs):
    """In place of moving what was not loaded off the meta device: nothing here was ever on one. Buffers get memory of
    their own, as they have it in transformers after the move."""
    for _, buffer in model.named_non_persistent_buffers():
        buffer._rebind(buffer.clone())


@contextlib.contextmanager
def mapped_weights():
    """transformers reads safetensors through MappedFile, and keeps buffers as the constructors computed them."""
    from transformers import initialization, modeling_utils

    def without_initialization(cls, *args, **kwargs):
        return [*contexts.__func__(cls, *args, **kwargs), initialization.no_init_weights()]

    class_ = modeling_utils.PreTrainedModel
    saved = modeling_utils.safe_open, class_._move_missing_keys_from_meta_to_device
    contexts = vars(class_)["get_init_context"]
    modeling_utils.safe_open = MappedFile
    class_._move_missing_keys_from_meta_to_device = _own_buffers
    class_.get_init_context = classmethod(without_initialization)
    try:
        yield
    finally:
        modeling_utils.safe_open, class_._move_missing_keys_from_meta_to_device = saved
        class_.get_init_context = contexts


def load_model(request):
    """A model whose parameters stand for the checkpoint's tensors, and what transformers says did not fit."""
    checkpoint, trust = request["checkpoint"], request["trust_remote_code"]
    config = model_class.load_config(checkpoint, trust)
    class_ = model_class.find_class(config, request.get("task"), checkpoint, trust)
    options = {"dtype": request["dtype"] or "auto", "output_loading_info": True}
    if request["attn_implementation"]:
        options["attn_implementation"] = request["attn_implementation"]
    if request.get("output_attentions") or getattr(config, "output_attentions", False):  # only this one has them
        if options.setdefault("attn_implementation", "eager") != "eager":
            raise ValueError("output_attentions needs attn_implementation = eager: "
                             "sdpa does not return attention weights")
    if trust:
        options["trust_remote_code"] = True
    with mapped_weights():
        model, report = class_.from_pretrained(checkpoint, config=config, **options)
    model.eval()
    return model, report
