"""Export configurations under the names of transformers.exporters."""

from __future__ import annotations

import dataclasses
import enum
import os
from typing import Any, Mapping


class ExportFormat(str, enum.Enum):
    """The formats, by the names that configs and manifests have for them."""

    DYNAMO = "dynamo"
    ONNX = "onnx"
    EXECUTORCH = "executorch"


@dataclasses.dataclass
class Dim:
    """A dynamic size: its name, and the bounds it stays in."""

    name: str
    min: int = 1
    max: int | None = None


Dim.AUTO = "auto"
Dim.STATIC = "static"


@dataclasses.dataclass
class DynamoConfig:
    """How to trace. `dynamic` makes every size of every input symbolic; `dynamic_shapes` names which: {"input_ids": {0:
    Dim("batch"), 1: Dim.AUTO}}. `allow_unchecked`: files do not check what they take for granted of a call."""

    dynamic: bool = False
    strict: bool = False
    dynamic_shapes: dict[str, Any] | None = None
    prefer_deferred_runtime_asserts_over_guards: bool = False
    pytree: str = "transformers"
    allow_unchecked: bool = False

    export_format = ExportFormat.DYNAMO

    def to_dict(self) -> dict[str, Any]:
        """The fields as the exporter reads them, with `export_format`."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields = {name: value for name, value in fields.items() if value is not None}
        if self.export_format != ExportFormat.DYNAMO:
            del fields["pytree"]
        if self.dynamic_shapes is not None:
            fields["dynamic_shapes"] = {name: _plain_dims(dims) for name, dims in self.dynamic_shapes.items()}
        return {"export_format": self.export_format.value, **fields}


@dataclasses.dataclass
class OnnxConfig(DynamoConfig):
    """The same, and how to write ONNX. `output_path`: this file is written too."""

    output_path: str | os.PathLike | None = None
    opset_version: int | None = None
    external_data: bool = True
    optimize: bool = True
    export_params: bool = True
    keep_initializers_as_inputs: bool = False
    ort_fusions: str | None = None
    weights: str = "copy"
    names: str = "transformers"

    export_format = ExportFormat.ONNX

    def to_dict(self) -> dict[str, Any]:
        fields = super().to_dict()
        if self.output_path is not None:
            fields["output_path"] = os.path.abspath(self.output_path)
        return fields


@dataclasses.dataclass
class ExecutorchConfig(DynamoConfig):
    """The same, and how to write ExecuTorch programs. `max_batch` and `max_length` are upper bounds of sizes that
    `dynamic_shapes` gives none; an arena larger than `max_arena` (bytes, or "512MB") and less than `require_delegated`
    percent of the multiply-adds in delegates fail the export. `custom_ops="llm"` calls ops of ExecuTorch's LLM
    extension."""

    backend: str = "xnnpack"
    alloc_graph_input: bool = True
    alloc_graph_output: bool = True
    alloc_mutable_buffers: bool = True
    external_data: bool = False
    custom_ops: str | None = None
    max_batch: int | None = None
    max_length: int | None = None
    max_arena: int | str | None = None
    require_delegated: float | None = None

    export_format = ExportFormat.EXECUTORCH


class AutoExportConfig:
    """The config of a format."""

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> DynamoConfig:
        """The fields of a config, `export_format` among them."""
        fields = dict(fields)
        try:
            export_format = ExportFormat(fields.pop("export_format"))
        except (KeyError, ValueError):
            names = ", ".join(each.value for each in ExportFormat)
            raise ValueError(f"a config has an 'export_format': {names}") from None
        for class_ in (OnnxConfig, ExecutorchConfig, DynamoConfig):
            if class_.export_format == export_format:
                return class_(**fields)


def _plain_dims(dims):
    if dims is None:
        return {}
    items = dims.items() if isinstance(dims, dict) else enumerate(dims)
    plain = {}
    for axis, dim in items:
        if isinstance(dim, Dim):
            dim = {"name": dim.name, "min": dim.min} | ({} if dim.max is None else {"max": dim.max})
        if dim is not None:
            plain[str(axis)] = dim
    return plain
