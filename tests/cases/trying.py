"""Exports a case and judges its calls, with servers that have imported what is slow to import."""

import json
import os
import re
import subprocess
import sys
import tempfile

from case import SWEEP, cases_of, topics

sys.path.append(SWEEP)

import sweep  # noqa: E402
from judging import NOT_LEGAL, REFUSED, RIGHT, paths_of  # noqa: E402

LIMIT = 120  # seconds for one step of one case
OPTIONS = ("dtype", "task", "frontend", "backend", "names", "trust_remote_code")  # the rest is config


def all_cases():
    """[(topic, case)]"""
    return [(topic, case) for topic in topics() for case in cases_of(topic)]


class Workbench:
    """Makes each case once, for as long as it is open."""

    def __init__(self, program, python=sys.executable):
        package = os.path.join(os.path.dirname(program), "python")
        self.program, self.python = program, python
        self.exporter, self.comparer = sweep.exporting_server(python, package), sweep.comparing_server()
        self.folder = tempfile.TemporaryDirectory(prefix="cases-")
        self.made = {}

    def close(self):
        self.exporter.close()
        self.comparer.close()
        self.folder.cleanup()

    def make(self, topic, case):
        """The folder of a case, what transformers says to its calls, and by format the answer to its export."""
        if (topic, case.name) not in self.made:
            folder = os.path.join(self.folder.name, topic, case.name)
            found = self.comparer.ask(LIMIT, do="case", topic=topic, case=case.name, folder=folder)
            if "fault" in found:
                raise RuntimeError(f"{case.name} cannot be made: {found['fault']}")
            self.made[topic, case.name] = folder, found["refusals"], self.export(folder, case)
        return self.made[topic, case.name]

    def export(self, folder, case):
        sample = os.path.join(folder, "sample.safetensors")
        request = {"checkpoint": os.path.join(folder, "checkpoint"), "options": {**case.options, **case.flags},
                   "inputs": sample if os.path.exists(sample) else None,
                   "outputs": {to: os.path.join(folder, to) for to in case.formats}}
        if case.via == "program":
            return {to: self.run_program(request, to) for to in case.formats}
        found = self.exporter.ask(LIMIT, **request)
        return dict.fromkeys(case.formats, found) if "fault" in found else found

    def run_program(self, request, to):
        """The same answer, from the command line."""
        given = request["options"]
        config = {name: value for name, value in given.items() if name not in OPTIONS}
        config = {"dynamic": "dynamic_shapes" not in config, **config}
        path = request["outputs"][to] + ".json"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        command = [self.program, "export", request["checkpoint"], "--to", to, "-o", request["outputs"][to], "--config",
                   path, "--python", self.python]
        command += ["--inputs", request["inputs"]] if request["inputs"] else []
        for name, value in given.items():
            if name in OPTIONS:
                option = "--" + name.replace("_", "-")
                command += [option] if value is True else [option, str(value)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT,
                              env={**os.environ, **sweep.ENVIRONMENT})
        kind = "unsupported" if done.returncode == 3 else "failed"
        return {"ok": done.returncode == 0, "kind": kind, "message": " ".join(done.stderr.split())}

    def judge(self, topic, case, to):
        """The answer to the export, and the verdicts on the calls of one format."""
        folder, refusals, answers = self.make(topic, case)
        answer = answers[to]
        if not answer.get("ok"):
            return answer, []
        calls = [paths_of(folder, number) for number in range(len(refusals))]
        found = self.comparer.ask(LIMIT, do="judge", directory=os.path.join(folder, to), format=to, calls=calls,
                                  checkpoint=os.path.join(folder, "checkpoint"), tolerance=case.tolerance,
                                  ignore=case.ignore, trust=case.options.get("trust_remote_code", False))
        if "fault" in found:
            raise RuntimeError(f"{case.name} to {to}: {found['fault']}")
        for verdict, refusal in zip(found["calls"], refusals):
            verdict["reference"] = refusal
        return answer, found["calls"]


def faults_in(case, answer, verdicts):
    """What is wrong with one format of a case, a line each."""
    message = answer.get("fault") or answer.get("message", "")
    if case.unsupported:
        if answer.get("ok") or answer.get("kind") != "unsupported":
            return [f"the export is not refused as unsupported: {message or 'it is written'}"]
        return [] if re.search(case.unsupported, message) else [f"the export says: {message}"]
    if not answer.get("ok"):
        return [f"export: {message}"]
    lines = []
    for number, found in enumerate(verdicts):
        said = found.get("said", "")
        if number in case.refused:
            if found["verdict"] not in (REFUSED, NOT_LEGAL) or not re.search(case.refused[number], said):
                lines.append(f"call {number} is {found['verdict']}, not refused by its name: {said}")
        elif found["verdict"] not in (RIGHT, NOT_LEGAL):
            lines.append(f"call {number} is {found['verdict']}: {said}")
    return lines
