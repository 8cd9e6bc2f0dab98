"""Runs an export directory with transformers' own loader and compares every case."""

import compare


def run_all_cases(directory, program, cases=None, **loader_options):
    """Problems over the program's cases, all shapes through one loaded model."""
    from transformers.exporters import ExportedModel
    from transformers.exporters.utils import get_leaf_tensors

    model = ExportedModel.from_pretrained(directory, **loader_options)
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
