"""Every checkpoint, exported to ExecuTorch, equals transformers at every shape in ExecuTorch's own runtime."""

import pytest
from foreign import run_all_cases


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
def test_equals_transformers(program, backend, exformer, tmp_path):
    exformer.export(program.checkpoint, "executorch", tmp_path / "out", program.sample,
                    ["--backend", backend, *program.export_args])
    problems = run_all_cases(tmp_path / "out", program)
    assert not problems, "\n".join(problems)
