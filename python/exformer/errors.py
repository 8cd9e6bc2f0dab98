"""Faults of an export, as Python exceptions."""


class ExportError(RuntimeError):
    """A checkpoint, an input or an option that cannot be used; the message says what was found and where."""


class UnsupportedError(ExportError):
    """A model, an op or an option that is not built."""
