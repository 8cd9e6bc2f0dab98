#!/usr/bin/env python
"""Tries cases by hand and says what becomes of each call.

    python tests/cases/run.py [NAME ...] [--topic TOPIC] [--to dynamo,onnx] [--program EXFORMER] [--python PYTHON]

Runs in a Python that has torch, transformers and the runtimes; PYTHON is the one that exports (default: the same).
"""

import argparse
import fnmatch
import os
import sys
import time

from trying import Workbench, all_cases, faults_in

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["*"], help="* allowed")
    parser.add_argument("--topic")
    parser.add_argument("--to", help="formats, with commas")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/exformer"))
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    bench, faulty = Workbench(os.path.abspath(options.program), options.python), 0
    for topic, case in all_cases():
        if options.topic not in (None, topic) or not any(fnmatch.fnmatch(case.name, name) for name in options.names):
            continue
        for to in case.formats:
            if options.to and to not in options.to.split(","):
                continue
            start = time.monotonic()
            try:
                answer, verdicts = bench.judge(topic, case, to)
                faults = faults_in(case, answer, verdicts)
            except RuntimeError as error:
                verdicts, faults = [], [str(error)]
            faulty += bool(faults)
            told = "; ".join(faults)[:1500] or "passes"
            print(f"{case.name} {to}: {told} ({time.monotonic() - start:.1f} s)", flush=True)
            for number, found in enumerate(verdicts):
                said = found["reference"] or found.get("said", "")
                print(f"    call {number}: {found['verdict']} {said[:300]}", flush=True)
    bench.close()
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
