"""Exports Hugging Face checkpoints to torch ExportedPrograms and ONNX, without PyTorch.

    from exformer import OnnxConfig, OnnxExporter

    OnnxExporter().export("path/to/checkpoint", config=OnnxConfig(dynamic=True)).save_pretrained("out")
"""

from .configs import Dim, DynamoConfig, OnnxConfig
from .errors import ExportError, UnsupportedError

_LAZY = {"AutoHfExporter", "DynamoExporter", "ExportedModel", "OnnxExporter"}
__all__ = ["AutoHfExporter", "Dim", "DynamoConfig", "DynamoExporter", "ExportError", "ExportedModel", "OnnxConfig",
           "OnnxExporter", "UnsupportedError"]


def __getattr__(name):
    if name in _LAZY:
        from . import exporters

        return getattr(exporters, name)
    if name == "__version__":
        from ._core import __version__

        return __version__
    raise AttributeError(f"module 'exformer' has no attribute '{name}'")
