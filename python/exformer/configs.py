"""Export configurations under the names of transformers.exporters."""

from __future__ import annotations

import dataclasses
from typing import Any


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
    Dim("batch"), 1: Dim.AUTO}}."""

    dynamic: bool = False
    strict: bool = False
    dynamic_shapes: dict[str, Any] | None = None
    prefer_deferred_runtime_asserts_over_guards: bool = False
    pytree: str = "transformers"

    export_format = "dynamo"

    def to_dict(self) -> dict[str, Any]:
        """The fields as the exporter reads them, with `export_format`."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields = {name: value for name, value in fields.items() if value is not None}
        if self.dynamic_shapes is not None:
            fields["dynamic_shapes"] = {name: _plain_dims(dims) for name, dims in self.dynamic_shapes.items()}
        return {"export_format": self.export_format, **fields}


@dataclasses.dataclass
class OnnxConfig(DynamoConfig):
    """The same, and how to write ONNX."""

    opset_version: int | None = None
    external_data: bool = True
    optimize: bool = True
    export_params: bool = True
    keep_initializers_as_inputs: bool = False
    ort_fusions: str | None = None
    weights: str = "copy"
    names: str = "transformers"

    export_format = "onnx"

    def to_dict(self) -> dict[str, Any]:
        fields = super().to_dict()
        fields.pop("pytree")
        return fields


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
