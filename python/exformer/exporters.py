"""Exports a checkpoint by its path or Hub id. The work is done in a Python of its own, so that a process that holds
PyTorch is not disturbed, and one without it needs none."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from typing import Any, Mapping

from .configs import DynamoConfig, ExecutorchConfig, OnnxConfig
from .errors import ExportError, UnsupportedError

_FLAGS = ("use_cache", "output_hidden_states", "output_attentions", "return_dict", "interpolate_pos_encoding")


class ExportedModel:
    """A finished export: the directory that transformers.exporters.ExportedModel.from_pretrained reads."""

    def __init__(self, directory: str, report: Mapping[str, Any], holder=None):
        self.directory, self.report, self._holder = directory, dict(report), holder

    @property
    def specializations(self) -> list[dict[str, Any]]:
        """Sizes that were to be dynamic and that the model fixes, each with the place in its code."""
        return self.report.get("specializations", [])

    def module(self):
        """A callable that runs the export on arrays by name (a cache as "past_key_values.layers.0.keys") and gives
        arrays by name: `.pt2` in the embedded interpreter, `.onnx` in ONNX Runtime. A `.pte` does not run here."""
        from ._core import ExportedModel as Program

        _point_at_onnxruntime()
        program = Program(self.directory)

        def run(**inputs):
            from safetensors.numpy import load_file

            with tempfile.TemporaryDirectory(prefix="exformer-") as folder:
                given, results = (os.path.join(folder, name) for name in ("inputs", "outputs"))
                _write_inputs(inputs, given)
                program.run(given, results)
                return load_file(results)

        return run

    def write_to_file(self, path: str | os.PathLike) -> None:
        """Copies the program alone: an ExecuTorch program, or one whose weights are in its file."""
        shutil.copyfile(os.path.join(self.directory, self.report["file"]), path)

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Copies the export to `directory`, which must be empty, new or an earlier export."""
        directory = os.fspath(directory)
        if os.path.isdir(directory) and os.listdir(directory):
            if not os.path.exists(os.path.join(directory, "export.json")):
                raise ExportError(f"'{directory}' exists and is not an earlier export (no export.json)")
        parent = os.path.dirname(os.path.abspath(directory))
        os.makedirs(parent, exist_ok=True)
        staging = tempfile.mkdtemp(prefix=f".{os.path.basename(directory)}.partial-", dir=parent)
        try:
            shutil.copytree(self.directory, staging, dirs_exist_ok=True)
            shutil.rmtree(directory, ignore_errors=True)
            os.rename(staging, directory)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


class DynamoExporter:
    """Exports to torch's ExportedProgram (`.pt2`)."""

    config_class = DynamoConfig

    def export(self, model: Any, inputs: Mapping[str, Any] | None = None,
               config: DynamoConfig | None = None, *, dtype: str | None = None, attn_implementation: str | None = None,
               task: str | None = None, allow_missing: bool = False, allow_surplus: bool = False,
               trust_remote_code: bool = False, python: str | None = None, time_limit: float = 1800) -> ExportedModel:
        """`model` is a checkpoint's directory or Hub id, or a `PreTrainedModel`; `inputs` are sample forward kwargs, as
        arrays by name (a cache as "past_key_values.layers.0.keys"). Without them inputs are made up from the model's
        signature. `task` ("feature-extraction", ...) chooses another class than the checkpoint's own; code that the
        checkpoint brings along (auto_map) runs only with `trust_remote_code`."""
        config = config or self.config_class()
        holder = tempfile.TemporaryDirectory(prefix="exformer-")
        request = {
            "output": os.path.join(holder.name, "export"),
            "config": config.to_dict(), "dynamic": config.dynamic,
            "dynamic_shapes": config.to_dict().get("dynamic_shapes"), "dtype": dtype, "task": task,
            "attn_implementation": attn_implementation, "allow_missing": allow_missing, "allow_surplus": allow_surplus,
            "trust_remote_code": trust_remote_code, "inputs": None,
        }
        arrays = dict(inputs or {})
        request |= {name: arrays.pop(name) for name in _FLAGS if name in arrays}
        if arrays:
            request["inputs"] = os.path.join(holder.name, "inputs.safetensors")
            _write_inputs(arrays, request["inputs"])
        with _checkpoint(model) as checkpoint:
            report = _run({**request, "checkpoint": checkpoint}, python or sys.executable, time_limit)
        for assumption in report.get("assumptions", ()):
            warnings.warn(f"this format cannot check what the export rests on: {assumption}", stacklevel=2)
        return ExportedModel(request["output"], report, holder)


class OnnxExporter(DynamoExporter):
    """Exports to ONNX."""

    config_class = OnnxConfig


class ExecutorchExporter(DynamoExporter):
    """Exports to ExecuTorch (`.pte`)."""

    config_class = ExecutorchConfig


class AutoHfExporter:
    """The exporter that a config belongs to."""

    @staticmethod
    def from_config(config: DynamoConfig):
        classes = (OnnxExporter, ExecutorchExporter, DynamoExporter)
        exporter = next(class_ for class_ in classes if isinstance(config, class_.config_class))()
        exporter.config_class = lambda: config
        return exporter


@contextlib.contextmanager
def _checkpoint(model):
    """The checkpoint's directory. A model in memory is written to memory, where the tracing Python maps it: the weights
    are on a disk only in the export."""
    if isinstance(model, (str, os.PathLike)):
        yield _directory(model)
        return
    if not hasattr(model, "save_pretrained"):
        raise ExportError(f"a {type(model).__name__} is neither a checkpoint nor a PreTrainedModel")
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="exformer-", dir=shared) as directory:
        model.save_pretrained(directory)
        yield directory


def _directory(model) -> str:
    path = os.fspath(model)
    if os.path.isdir(path):
        return os.path.abspath(path)
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(path, allow_patterns=["*.json", "*.safetensors", "*.py"])
    except (OSError, ValueError) as error:  # what the Hub's own errors derive from
        cause = str(error).strip().split("\n")[0]
        raise ExportError(f"'{path}' is neither a checkpoint's directory nor a model on the Hub: {cause}") from None


def _point_at_onnxruntime():
    """The runtime that this interpreter has installed, unless the environment names another one."""
    found = importlib.util.find_spec("onnxruntime")
    is_named = os.environ.get("EXFORMER_ONNXRUNTIME") or os.environ.get("ORT_DYLIB_PATH")
    if is_named or found is None or not found.origin:
        return
    for library in sorted(glob.glob(os.path.join(os.path.dirname(found.origin), "capi", "libonnxruntime.so*"))):
        os.environ["EXFORMER_ONNXRUNTIME"] = library
        return


def _write_inputs(arrays, path):
    import numpy
    from safetensors.numpy import save_file

    plain = {}
    for name, value in arrays.items():
        if value is not None:
            array = value.detach().cpu().numpy() if hasattr(value, "detach") else numpy.asarray(value)
            plain[name] = numpy.ascontiguousarray(array)
    save_file(plain, path, metadata={"order": json.dumps(list(plain))})


def _run(request, python, time_limit):
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    others = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": package + (os.pathsep + others if others else "")}
    try:
        child = subprocess.run([python, "-m", "exformer.frontend.child"], input=json.dumps(request), text=True,
                               capture_output=True, timeout=time_limit, env=environment)
    except subprocess.TimeoutExpired:
        raise ExportError(f"{python} did not finish within {time_limit} s") from None
    lines = child.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise ExportError(f"{python} ended with code {child.returncode} while the model was traced: "
                          f"{child.stderr.strip()[-400:]}") from None
    if not answer["ok"]:
        raise (ExportError if answer["kind"] == "failed" else UnsupportedError)(answer["message"])
    return answer
