"""Random draws as `.onnx`: other numbers than torch's, the same distribution, new ones in each run."""

import json
import subprocess

import numpy
import pytest
from op_row import Row, T, cases_of
from test_op_files import EXPORTER

SIZES = ({"b": 3, "s": 20000}, {"b": 1, "s": 50000})
CASES = list(cases_of([Row(op, T("f32", "b", "s"), sets=SIZES) for op in ("rand_like", "randn_like")]))
# mean, standard deviation and what is expected below 0.5
MOMENTS = {"rand_like": (0.5, 12**-0.5, 0.5), "randn_like": (0.0, 1.0, 0.6915)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("draws")
    (folder / "rows.json").write_text(json.dumps([case.to_json() for case in CASES]))
    finished = subprocess.run([EXPORTER, "onnx", folder], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    written = json.loads((folder / "exported.json").read_text())
    return {name: folder / entry["file"] for name, entry in written.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_draws_have_the_distribution(case, files):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(files[case.id], providers=["CPUExecutionProvider"])
    mean, deviation, below_half = MOMENTS[case.op]
    for sizes in SIZES:
        shape = sizes["b"], sizes["s"]
        inputs = {each.name: numpy.zeros(shape, numpy.float32) for each in session.get_inputs()}
        first, second = (session.run(None, inputs)[0] for _ in range(2))
        assert first.shape == shape and not numpy.array_equal(first, second)
        for drawn in (first, second):  # bounds are 5 standard errors of 50000 draws
            assert abs(drawn.mean() - mean) < 0.025
            assert abs(drawn.std() - deviation) < 0.025
            assert abs((drawn < 0.5).mean() - below_half) < 0.012
            assert numpy.unique(drawn).size > 0.98 * drawn.size
