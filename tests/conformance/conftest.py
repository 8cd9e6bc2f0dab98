"""Finds the program under test, makes the oracle's checkpoints once, and offers both to the tests.

EXFORMER_BIN         the program (default: build/release/exformer of this checkout)
EXFORMER_ZOO         where the checkpoints are kept (default: build/oracle/<hash of the generator and its libraries>)
EXFORMER_ONLY        comma-separated checkpoint names, * allowed: a quick look at some of them
EXFORMER_REFERENCE   1: judge transformers' own exporters in place of the program
"""

import fnmatch
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "tests" / "oracle"
sys.path[:0] = [str(ORACLE), str(Path(__file__).resolve().parent)]
sys.path += [str(ROOT / "tests" / "cases"), str(ROOT / "tests" / "sweep")]

from catalogue import rows  # noqa: E402

REFERENCE = os.environ.get("EXFORMER_REFERENCE") == "1"


# What transformers' own exporters cannot do and the contract asks for: a sample size of 1 becomes a constant of the
# graph, dynamic NTK does not trace, and ONNX Runtime's CPU has no bfloat16 arithmetic for the graph to use.
REFERENCE_GAPS = ("*-decode", "llama_no_pad_token-*", "*rope_dynamic-*")
REFERENCE_GAPS_ONNX = (*REFERENCE_GAPS, "*bf16*", "llama_torch_dtype-*")


def chosen_rows():
    patterns = os.environ.get("EXFORMER_ONLY", "*").split(",")
    return [row for row in rows() if any(fnmatch.fnmatch(row.name, pattern) for pattern in patterns)]


def zoo_path():
    if "EXFORMER_ZOO" in os.environ:
        return Path(os.environ["EXFORMER_ZOO"])
    digest = hashlib.sha256()
    for source in sorted(ORACLE.glob("*.py")):
        digest.update(source.read_bytes())
    for package in ("torch", "transformers", "safetensors"):
        digest.update(importlib.metadata.version(package).encode())
    return ROOT / "build" / "oracle" / digest.hexdigest()[:16]


def pytest_configure(config):
    """Make the checkpoints before any worker starts. They are written aside and renamed, so a kill leaves none half."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    target = zoo_path()
    if (target / "index.json").exists():
        return
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    subprocess.run([sys.executable, str(ORACLE / "make_checkpoints.py"), str(aside)], check=True)
    try:
        aside.rename(target)
    except OSError:  # another run was first
        if not (target / "index.json").exists():
            raise


def pytest_generate_tests(metafunc):
    if "program" in metafunc.fixturenames:
        pairs = [(row, name) for row in chosen_rows() for name in row.programs]
        metafunc.parametrize("program", pairs, ids=[f"{row.name}-{name}" for row, name in pairs], indirect=True)


@dataclass
class Program:
    """One checkpoint and one set of forward kwargs, with the cases to check."""

    name: str
    checkpoint: Path
    directory: Path
    dtype: str
    architecture: str
    export_args: list
    cases: list

    @property
    def sample(self):
        return self.directory / self.cases[0]["inputs"]


@pytest.fixture(scope="session")
def zoo():
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    return zoo_path()


@pytest.fixture
def program(request, zoo):
    row, name = request.param
    gaps = REFERENCE_GAPS_ONNX if "onnx" in request.node.nodeid else REFERENCE_GAPS
    if REFERENCE and any(fnmatch.fnmatch(f"{row.name}-{name}", gap) for gap in gaps):
        pytest.xfail("the reference cannot do this")
    return load_program(zoo, row.name, name)


def load_program(zoo, row_name, program_name):
    row = next(row for row in rows() if row.name == row_name)
    directory = zoo / row_name / program_name
    record = json.loads((directory / "case.json").read_text())
    dtype = row.cast or row.dtype
    return Program(f"{row_name}-{program_name}", zoo / row_name / "checkpoint", directory, dtype,
                   row.loaded_architecture, record["export_args"], record["cases"])


class Exformer:
    """The program under test. A missing program is an error of the run, never a skipped test."""

    def __init__(self):
        self.path = Path(os.environ.get("EXFORMER_BIN", ROOT / "build" / "release" / "exformer")).absolute()
        # The program runs .onnx files with the runtime that the other side of the comparison uses.
        folder = Path(importlib.util.find_spec("onnxruntime").origin).parent / "capi"
        self.environment = {"EXFORMER_ONNXRUNTIME": str(next(folder.glob("libonnxruntime.so*")))}

    def __call__(self, *arguments, timeout=120, env=None, **options):
        if not self.path.is_file():
            pytest.fail(f"no program at {self.path}: build the release preset or set EXFORMER_BIN", pytrace=False)
        return subprocess.run([str(self.path), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                              env={**self.environment, **os.environ, **(env or {})}, **options)

    def export(self, checkpoint, target, out, inputs=None, arguments=()):
        """Export with dynamic shapes and insist on success."""
        if REFERENCE:
            import reference_exporter
            return reference_exporter.export(checkpoint, target, out, inputs, arguments)
        sample = [] if inputs is None else ["--inputs", inputs]
        done = self("export", checkpoint, "--to", target, "--dynamic", "-o", out, *sample, *arguments)
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr}{done.stdout}"
        return done

    def run(self, target, inputs, out):
        """Run an export in the program itself; the outputs by leaf path."""
        import compare
        if REFERENCE:
            import reference_exporter
            return reference_exporter.run(target, inputs)
        done = self("run", target, "--inputs", inputs, "-o", out)
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr}{done.stdout}"
        return {name.removeprefix("output."): value for name, value in compare.read_leaves(out).items()}


def must(*command, **options):
    """What a command prints; it has to succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Where `cmake --install` put everything, from the build folder EXFORMER_BUILD (build/release of this checkout)."""
    target = tmp_path_factory.mktemp("prefix")
    must("cmake", "--install", os.environ.get("EXFORMER_BUILD", ROOT / "build" / "release"), "--prefix", target)
    return target


@pytest.fixture(scope="session")
def exformer():
    return Exformer()


@pytest.fixture(scope="session")
def traced(exformer):
    """Exports through transformers, with dynamic shapes, in forks of one process that has imported what is slow to
    import. The tests of the command line itself start it each time."""
    import sweep

    server = sweep.exporting_server(os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable),
                                    str(exformer.path.parent / "python"))

    def export(checkpoint, to, out, inputs, **options):
        found = server.ask(300, checkpoint=str(checkpoint), outputs={to: str(out)}, inputs=str(inputs), options=options)
        answer = found.get(to, found)
        assert answer.get("ok"), answer

    yield export
    server.close()


@pytest.fixture
def no_reference():
    """For tests of the program's own command line, which the reference does not have."""
    if REFERENCE:
        pytest.skip("the reference has no command line")


@pytest.fixture(scope="session")
def large_checkpoint(tmp_path_factory):
    """About 100 MB of weights: long enough to be interrupted."""
    out = tmp_path_factory.mktemp("large") / "checkpoint"
    subprocess.run([sys.executable, str(ROOT / "bench" / "make_checkpoint.py"), "large-test", str(out)], check=True)
    return out
