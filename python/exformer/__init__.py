"""Exports Hugging Face checkpoints to torch ExportedPrograms, ONNX and ExecuTorch, without PyTorch.

    from exformer import OnnxConfig, OnnxExporter

    OnnxExporter().export("path/to/checkpoint", config=OnnxConfig(dynamic=True)).save_pretrained("out")
"""

from .configs import AutoExportConfig, Dim, DynamoConfig, ExecutorchConfig, ExportFormat, OnnxConfig
from .errors import ExportError, UnsupportedError

_LAZY = {"AutoHfExporter", "DynamoExporter", "ExecutorchExporter", "ExportedModel", "OnnxExporter"}
__all__ = ["AutoExportConfig", "AutoHfExporter", "Dim", "DynamoConfig", "DynamoExporter", "ExecutorchConfig",
           "ExecutorchExporter", "ExportError", "ExportFormat", "ExportedModel", "OnnxConfig", "OnnxExporter",
           "UnsupportedError"]


def __getattr__(name):
    if name in _LAZY:
        from . import exporters

        return getattr(exporters, name)
    if name == "__version__":
        from ._core import __version__

        return __version__
    raise AttributeError(f"module 'exformer' has no attribute '{name}'")
