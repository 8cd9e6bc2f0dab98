"""A fixed tenth of the sweep over transformers' model types: nothing may fail that docs/coverage.md does not list."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sweep_zoo

SWEEP = Path(__file__).resolve().parents[1] / "sweep"
sys.path.insert(0, str(SWEEP))

from coverage import listed  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def tenth():
    """The checkpoints, kept for as long as nothing that makes them changes."""
    return sweep_zoo.made("--tenth")


def test_the_tenth_is_as_the_page_says(tenth, exformer, tmp_path):
    results = tmp_path / "results.json"
    done = subprocess.run([sys.executable, SWEEP / "sweep.py", tenth, tmp_path / "out", "--tenth", "--json", results,
                           "--python", CHILD, "--package", exformer.path.parent / "python"],
                          capture_output=True, text=True, timeout=900)
    assert results.exists(), done.stderr
    known = listed()
    found = json.loads(results.read_text())
    unknown = [f"{to} {name}: {result['fault']}" for name, formats in sorted(found.items())
               for to, result in formats.items() if result["fault"] and to not in known.get(name, ())]
    assert not unknown, "\n".join(unknown)
    assert len(found) >= 40
