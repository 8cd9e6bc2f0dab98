"""The cases of tests/cases: checkpoints that are exported from one call and have to be right for others.

EXFORMER_ALL_ROWS  1: each case in all of its formats, not in the one that its name decides
"""

import os
import sys
import zlib

import pytest
from trying import Workbench, all_cases, faults_in

pytestmark = pytest.mark.usefixtures("no_reference")
CHILD = os.environ.get("EXFORMER_FRONTEND_PYTHON", sys.executable)


def formats_of(case):
    if os.environ.get("EXFORMER_ALL_ROWS") == "1":
        return case.formats
    return [case.formats[zlib.crc32(case.name.encode()) % len(case.formats)]]


CASES = [(topic, case, to) for topic, case in all_cases() for to in formats_of(case)]


@pytest.fixture(scope="session")
def bench(exformer):
    opened = Workbench(str(exformer.path), CHILD)
    yield opened
    opened.close()


@pytest.mark.parametrize("topic, case, to", CASES, ids=[f"{topic}-{case.name}-{to}" for topic, case, to in CASES])
def test_case(topic, case, to, bench):
    faults = faults_in(case, *bench.judge(topic, case, to))
    assert not faults, "\n".join(faults)


def test_names_are_unique():
    names = [case.name for topic, case in all_cases()]
    assert len(names) == len(set(names))
