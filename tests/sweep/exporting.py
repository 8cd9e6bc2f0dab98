"""The side that exports: runs under the stand-in for torch, traces a checkpoint once and finishes it in each format.

A request: checkpoint, inputs (null: they are made up), outputs (directory by format), limit, and in `options` what the
command line takes: fields of the request to the front end, the rest being the export's config. The answer, by format:
ok, and a message if not."""

import json
import os
import sys

import fork_server
from exformer.frontend import child, isolation

REQUEST = {"dtype": None, "task": None, "attn_implementation": None, "allow_missing": False, "allow_surplus": False,
           "trust_remote_code": False, "use_cache": None, "output_hidden_states": None, "output_attentions": None,
           "return_dict": None, "interpolate_pos_encoding": None}


def request_of(request, to):
    """What the front end is asked for one format."""
    from exformer import _core

    given = request.get("options", {})
    config = {name: value for name, value in given.items() if name not in REQUEST}
    config = {"dynamic": "dynamic_shapes" not in config, **config, "export_format": to}
    own = {**REQUEST, **{name: value for name, value in given.items() if name in REQUEST}}
    own["dtype"] = _core.export_dtype(json.dumps(config), own["dtype"])
    return {**own, "config": config, "dynamic": config["dynamic"], "dynamic_shapes": config.get("dynamic_shapes"),
            "traceback": bool(os.environ.get("SWEEP_TRACEBACK")), "checkpoint": request["checkpoint"],
            "inputs": request["inputs"], "output": request["outputs"][to]}


def export(requests, limit):
    """The answers to requests that one trace serves."""
    from exformer.frontend import tracing

    first, traced = next(iter(requests.values())), []

    def trace():
        traced.append(tracing.trace(first))
        return {}

    failure = child.answer(first, trace)
    if not traced:
        return dict.fromkeys(requests, failure)

    def finish(asked):
        return child.answer(asked, lambda: child.finish(asked, *traced[0]))

    return {to: fork_server.in_fork(lambda asked=asked: finish(asked), limit) for to, asked in requests.items()}


def handle(request):
    by_dtype = {}
    for to in request["outputs"]:
        asked = request_of(request, to)
        by_dtype.setdefault(asked["dtype"], {})[to] = asked
    answers = {}
    for requests in by_dtype.values():  # one process traces once
        found = fork_server.in_fork(lambda requests=requests: export(requests, request["limit"]), request["limit"])
        answers.update(dict.fromkeys(requests, found) if "fault" in found else found)
    return answers


def main():
    isolation.enter()
    child.check_transformers()
    import torch  # noqa: F401
    import transformers.exporters.exporter_dynamo  # noqa: F401
    from exformer.frontend import tracing  # noqa: F401

    fork_server.serve(handle)


if __name__ == "__main__":
    sys.exit(main())
