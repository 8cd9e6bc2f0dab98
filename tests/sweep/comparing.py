"""The side that compares: runs with the real torch, loads an export with transformers' own loader and holds its outputs
to the reference's.

What a request asks to `do`: compare the "made-up" call, "judge" calls of an export, make a "case" of tests/cases, or a
"ladder"."""

import os
import sys
import warnings

import fork_server
import judging

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def compare_made_up(request):
    """The call that the export has made up for itself, made up again of the model as transformers loads it."""
    import tempfile

    sys.path.append(os.path.join(os.path.dirname(os.path.dirname(HERE)), "python", "exformer"))
    from frontend import default_inputs
    from transformers.exporters import ExportedModel

    model = judging.load_model(request["checkpoint"])
    with tempfile.TemporaryDirectory() as folder:
        call = judging.paths_of(folder, 0)
        judging.write(default_inputs.default_inputs(model, request["checkpoint"]), call["inputs"])
        refusal = judging.write_reference(model, call, {}, request["limit"])
        if refusal:
            return {"fault": f"transformers refuses the inputs: {refusal}"}
        exported = ExportedModel.from_pretrained(request["directory"])
        faults = judging.differences(judging.run(exported, request, call), judging.read(call["outputs"]),
                                     request["tolerance"])
    return {"fault": faults[0] if faults else ""}


def make_case(request):
    sys.path.append(os.path.join(os.path.dirname(HERE), "cases"))
    import case

    return case.make(request)


def make_ladder(request):
    sys.path.append(os.path.join(HERE, "zoo"))
    import ladder

    return ladder.make(request)


KINDS = {"made-up": compare_made_up, "judge": judging.judge, "case": make_case, "ladder": make_ladder}


def handle(request):
    return KINDS[request["do"]](request)


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
