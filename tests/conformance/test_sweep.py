"""A fixed tenth of the sweep over transformers' model types: nothing may fail at the zoo's sizes, and nothing may be
wrong without an error at some others, that docs/coverage.md does not list."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sweep_zoo

SWEEP = Path(__file__).resolve().parents[1] / "sweep"
sys.path.insert(0, str(SWEEP))

from coverage import listed, listed_sizes, size_rows  # noqa: E402
from judging import CRASHED, WRONG  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)
CALLS = 3  # of each ladder


def test_the_tenth_is_as_the_page_says(exformer, tmp_path):
    results = tmp_path / "results.json"
    done = subprocess.run([sys.executable, SWEEP / "sweep.py", sweep_zoo.made("--tenth"), tmp_path / "out", "--tenth",
                           "--ladder", "--calls", str(CALLS), "--json", results, "--python", CHILD,
                           "--package", exformer.path.parent / "python"],
                          capture_output=True, text=True, timeout=1800)
    assert results.exists(), done.stderr
    known, known_sizes = listed(), listed_sizes()
    found = json.loads(results.read_text())
    unknown = [f"{to} {name}: {result['fault']}" for name, formats in sorted(found.items())
               for to, result in formats.items() if result["fault"] and to not in known.get(name, ())]
    unknown += [f"{to} {name} is {verdict} for {call['call']}: {call['said']}"
                for (verdict, name), formats in size_rows(found).items() if verdict in (WRONG, CRASHED)
                for to, calls in formats.items()
                for call in calls if to not in known_sizes.get(verdict, {}).get(name, ())]
    assert not unknown, "\n".join(unknown)
    assert len(found) >= 40
    assert sum(bool(formats["dynamo"].get("calls")) for formats in found.values()) >= 40


def test_the_tenth_makes_up_its_inputs(exformer, tmp_path):
    results = tmp_path / "results.json"
    done = subprocess.run([sys.executable, SWEEP / "sweep.py", sweep_zoo.made("--tenth"), tmp_path / "out", "--tenth",
                           "--made-up", "--to", "onnx", "--json", results, "--python", CHILD,
                           "--package", exformer.path.parent / "python"],
                          capture_output=True, text=True, timeout=900)
    assert results.exists(), done.stderr
    known = listed()
    found = json.loads(results.read_text())
    faults = [f"{name}: {formats['onnx']['fault']}" for name, formats in sorted(found.items())
              if formats["onnx"]["fault"] and "onnx" not in known.get(name, ())]
    assert not faults, "\n".join(faults)
    assert len(found) >= 40
