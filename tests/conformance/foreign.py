"""Runs an export directory with transformers' own loader and compares every case."""

import json

import compare


def load_pt2(directory):
    """As a user of transformers' exports would: the manifest's types must be known before torch reads the file."""
    import torch
    from transformers.exporters.metadata import register_treespec_types

    metadata = json.loads((directory / "export.json").read_text())["components"]["model"]["metadata"]
    register_treespec_types(metadata["in_spec"])
    register_treespec_types(metadata["out_spec"])
    return torch.export.load(str(directory / "model.pt2"))


def run_all_cases(directory, program, cases=None, loaded=None, **loader_options):
    """Problems over the program's cases, all shapes through one loaded model."""
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    model = loaded or ExportedModel.from_pretrained(directory, **loader_options)
    problems = []
    for case in program.cases if cases is None else cases:
        kwargs = compare.forward_kwargs(directory, compare.read_leaves(program.directory / case["inputs"]))
        try:
            outputs = get_leaf_tensors(model(**kwargs))
        except Exception as error:  # the loader's or the runtime's refusal is a finding of its own
            problems.append(f"[{case}] {type(error).__name__}: {str(error)[:600]}")
            continue
        problems += compare.check_case(program.directory, case, outputs, program.dtype)
    return problems


def single_threaded_session():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options
