"""Exports Hugging Face checkpoints to torch ExportedPrograms, ONNX and ExecuTorch, without PyTorch."""


def __getattr__(name):
    if name == "__version__":
        from ._core import __version__

        return __version__
    raise AttributeError(f"module 'exformer' has no attribute '{name}'")
