"""The program of the tracing interpreter: a request as JSON on the standard input, the answer as the last line of the
standard output."""

import json
import os
import sys
import traceback

MINIMUM_TRANSFORMERS = (5, 23)


def _answer(**fields):
    sys.stdout.flush()
    print(json.dumps(fields), flush=True)


def _model_lines(error):
    """Where in the model's own code an error came up: the innermost frame that is not of the stand-in."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(here) and "importlib" not in frame.filename:
            return f"{os.sep.join(frame.filename.split(os.sep)[-2:])}:{frame.lineno}"
    return None


def _describe(error):
    text = f"{error}" if str(error) else type(error).__name__
    if not isinstance(error, (RuntimeError, ValueError, LookupError, NotImplementedError, OSError)):
        text = f"{type(error).__name__}: {text}"
    where = _model_lines(error)
    first = " ".join(text.split())
    return first if where is None or where in first else f"{where}: {first}"


class NoFrontendError(NotImplementedError):
    """This interpreter cannot trace anything."""


def check_transformers():
    """Refuses an interpreter without transformers, or with too old ones."""
    try:
        import transformers
    except ImportError as error:
        if error.name == "transformers":
            raise NoFrontendError(f"{sys.executable} has no transformers: pip install 'transformers>=5.23' safetensors "
                                  "numpy there, or name another Python with --python") from None
        raise
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if version < MINIMUM_TRANSFORMERS:
        raise NoFrontendError(f"{sys.executable} has transformers {transformers.__version__}: "
                              "pip install 'transformers>=5.23'")


def _text(directory, name):
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def finish(request, traced, dimensions):
    """Exports a finished trace; gives the answer's fields."""
    import torch

    from . import own_code, tracing

    fields = tracing.program_request(request, traced, dimensions)
    checkpoint, files = request["checkpoint"], {}
    fields["config_text"] = _text(checkpoint, "config.json")
    if request["trust_remote_code"]:
        classes = [type(traced.model), type(traced.model.config)]
        fields["config_text"], files = own_code.gather(fields["config_text"], checkpoint, classes)
    fields["generation_config_text"] = _text(checkpoint, "generation_config.json")
    result = json.loads(torch._state.core.export_program(fields))
    own_code.copy(files, request["output"])
    return {"model_type": traced.model.config.model_type, "architecture": fields["architecture"],
            "dtype": fields["dtype"].name, **result}


def _kind(error):
    from exformer import _core

    if isinstance(error, NoFrontendError):
        return "no_frontend"
    is_unsupported = isinstance(error, (_core.UnsupportedError, NotImplementedError))
    return "unsupported" if is_unsupported or type(error).__name__ == "DataDependentError" else "failed"


def run(request):
    """Traces and exports; gives the answer's fields."""
    check_transformers()
    from exformer import _core

    from . import tracing

    _core.check_checkpoint(request["checkpoint"], request["trust_remote_code"])

    request = {**request, "dtype": _core.export_dtype(json.dumps(request["config"]), request["dtype"])}
    return finish(request, *tracing.trace(request))


def _no_module(error):
    """What to do where the module under this package is missing, or of another version of Python."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    built = [name for name in os.listdir(folder) if name.startswith("_core.") and name.endswith(".so")]
    found = f"there is {', '.join(built)}" if built else "it was not built"
    version = ".".join(map(str, sys.version_info[:2]))
    return (f"exformer's Python module in '{folder}' is not one for {sys.executable} (Python {version}): {found}. "
            "Build the target exformer_core with its headers, run `pip install .` with it in the source tree, or "
            f"name another Python with --python ({error})")


def answer(request, work):
    """The answer to a request: the fields that `work` gives, or what went wrong in it."""
    from exformer import _core

    try:
        return {"ok": True, **work()}
    except Exception as error:
        if request.get("traceback"):
            traceback.print_exc()
        message, remedy, kind = _describe(error), getattr(error, "remedy", None), _kind(error)
        if remedy is not None and kind == "failed":
            message = f"{message}; {remedy}"
        return {"ok": False, "kind": kind, "message": message}


def main():
    request = json.load(sys.stdin)
    from . import isolation

    isolation.enter()
    try:
        from exformer import _core  # noqa: F401
    except ImportError as error:
        _answer(ok=False, kind="no_frontend", message=_no_module(error))
        return
    _answer(**answer(request, lambda: run(request)))


if __name__ == "__main__":
    main()
