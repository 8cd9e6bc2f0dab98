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


def check_transformers():
    """Refuses an interpreter without transformers, or with too old ones."""
    try:
        import transformers
    except ImportError as error:
        if error.name == "transformers":
            raise NotImplementedError(f"{sys.executable} has no transformers: pip install 'transformers>=5.23' "
                                      "safetensors, or name another Python with --python") from None
        raise
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if version < MINIMUM_TRANSFORMERS:
        raise NotImplementedError(f"{sys.executable} has transformers {transformers.__version__}: "
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

    from . import tracing

    fields = tracing.program_request(request, traced, dimensions)
    fields["config_text"] = _text(request["checkpoint"], "config.json")
    fields["generation_config_text"] = _text(request["checkpoint"], "generation_config.json")
    result = json.loads(torch._state.core.export_program(fields))
    return {"model_type": traced.model.config.model_type, "architecture": fields["architecture"],
            "dtype": fields["dtype"].name, **result}


def run(request):
    """Traces and exports; gives the answer's fields."""
    check_transformers()
    from exformer import _core

    from . import tracing

    request = {**request, "dtype": _core.export_dtype(json.dumps(request["config"]), request["dtype"])}
    return finish(request, *tracing.trace(request))


def answer(request, work):
    """The answer to a request: the fields that `work` gives, or what went wrong in it."""
    from exformer import _core

    try:
        return {"ok": True, **work()}
    except Exception as error:
        if request.get("traceback"):
            traceback.print_exc()
        is_unsupported = isinstance(error, (_core.UnsupportedError, NotImplementedError))
        is_unsupported = is_unsupported or type(error).__name__ == "DataDependentError"
        message, remedy = _describe(error), getattr(error, "remedy", None)
        if remedy is not None and not is_unsupported:
            message = f"{message}; {remedy}"
        return {"ok": False, "kind": "unsupported" if is_unsupported else "failed", "message": message}


def main():
    request = json.load(sys.stdin)
    from . import isolation

    isolation.enter()
    try:
        from exformer import _core  # noqa: F401
    except ImportError as error:
        _answer(ok=False, kind="unsupported", message=f"exformer's Python module is not built for {sys.executable} "
                f"(Python {sys.version_info[0]}.{sys.version_info[1]}): pip install exformer there, or name another "
                f"Python with --python ({error})")
        return
    _answer(**answer(request, lambda: run(request)))


if __name__ == "__main__":
    main()
