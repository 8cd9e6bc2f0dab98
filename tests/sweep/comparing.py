"""The side that compares: runs with the real torch, loads an export with transformers' own loader and holds its outputs
to the reference's.

A request: directory of the export, checkpoint, tolerance, limit. The answer: fault, empty when all is right. `do` asks
for something else: "judge" calls of an export, make a "case" of tests/cases, or a "ladder" of calls."""

import os
import sys
import warnings

import fork_server
import judging

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def faults_of(exported, request, suffix):
    checkpoint = request["checkpoint"]
    call = {kind: os.path.join(checkpoint, f"{kind}{suffix}.safetensors") for kind in ("inputs", "outputs")}
    return judging.differences(judging.run(exported, request, call), judging.read(call["outputs"]),
                               request["tolerance"])


def compare(request):
    """Both input sets, the export's own shapes first."""
    from transformers.exporters import ExportedModel

    exported = None
    for suffix, label in (("", "at the export's shapes"), ("2", "at other shapes")):
        if not os.path.exists(os.path.join(request["checkpoint"], f"inputs{suffix}.safetensors")):
            continue
        try:
            exported = exported or ExportedModel.from_pretrained(request["directory"])
            faults = faults_of(exported, request, suffix)
        except Exception as error:
            faults = [f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"]
        if faults:
            return {"fault": f"{label}: {faults[0]}" + (f" and {len(faults) - 1} more" if len(faults) > 1 else "")}
    return {"fault": ""}


def make_case(request):
    sys.path.append(os.path.join(os.path.dirname(HERE), "cases"))
    import case

    return case.make(request)


def make_ladder(request):
    sys.path.append(os.path.join(HERE, "zoo"))
    import ladder

    return ladder.make(request)


KINDS = {"compare": compare, "judge": judging.judge, "case": make_case, "ladder": make_ladder}


def handle(request):
    return KINDS[request.get("do", "compare")](request)


def main():
    import torch

    torch.set_num_threads(1)
    import executorch.runtime  # noqa: F401
    import onnxruntime  # noqa: F401
    import torch.export.pt2_archive  # noqa: F401
    import transformers.exporters.exporter_dynamo  # noqa: F401
    import transformers.exporters.exporter_executorch  # noqa: F401
    import transformers.exporters.exporter_onnx  # noqa: F401

    fork_server.serve(handle)


if __name__ == "__main__":
    sys.exit(main())
