"""The side that exports: runs under the stand-in for torch, traces a checkpoint once and finishes it in each format.

A request: checkpoint, inputs, outputs (directory by format), limit. The answer, by format: ok, and a message if not."""

import os
import sys

import fork_server
from exformer.frontend import child, isolation


def handle(request):
    from exformer.frontend import tracing

    options = {"dtype": None, "auto_class": None, "attn_implementation": None, "dynamic": True, "dynamic_shapes": None,
               "allow_missing": False, "trust_remote_code": False, "traceback": bool(os.environ.get("SWEEP_TRACEBACK")),
               "checkpoint": request["checkpoint"], "inputs": request["inputs"]}
    traced = []

    def trace():
        traced.append(tracing.trace(options))
        return {}

    failure = child.answer(options, trace)
    if not traced:
        return {to: failure for to in request["outputs"]}

    def finish(to):
        finishing = {**options, "output": request["outputs"][to], "config": {"export_format": to, "dynamic": True}}
        return child.answer(finishing, lambda: child.finish(finishing, *traced[0]))

    return {to: fork_server.in_fork(lambda to=to: finish(to), request["limit"]) for to in request["outputs"]}


def main():
    isolation.enter()
    child.check_transformers()
    import torch  # noqa: F401
    import transformers.exporters.exporter_dynamo  # noqa: F401
    from exformer.frontend import tracing  # noqa: F401

    fork_server.serve(handle)


if __name__ == "__main__":
    sys.exit(main())
