"""Every checkpoint, exported to ONNX, equals transformers at every shape: under transformers' loader and under ours."""

import compare
from foreign import run_all_cases, single_threaded_session


def test_equals_transformers(program, exformer, tmp_path):
    exformer.export(program.checkpoint, "onnx", tmp_path / "out", program.sample, program.export_args)
    problems = run_all_cases(tmp_path / "out", program, session_options=single_threaded_session())
    for number in (0, len(program.cases) - 1):
        case = program.cases[number]
        outputs = exformer.run(tmp_path / "out", program.directory / case["inputs"], tmp_path / "own.safetensors")
        problems += [f"exformer run: {p}" for p in compare.check_case(program.directory, case, outputs, program.dtype)]
    assert not problems, "\n".join(problems)
