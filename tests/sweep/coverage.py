#!/usr/bin/env python
"""Writes docs/coverage.md from the results of a sweep: what is right in each format, and every checkpoint that is not,
with its cause.

    python tests/sweep/coverage.py RESULTS.json [--out docs/coverage.md]
"""

import argparse
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "coverage.md")
FORMATS = ("dynamo", "onnx", "executorch")
# The first that fits is the group of a fault.
GROUPS = (
    ("Python code asks for what only the inputs' contents tell",
     r"depends on the inputs' contents|values of a tensor that depends|depends on data|DataDependent"),
    ("A size that the sample call fixes", r"Expected input|to be of the form|still being fixed|Unexpected shape"),
    ("A part of torch that is not there",
     r"is not supported|has no attribute|unexpected keyword|is not known; |op 'aten"),
    ("An op, or a form of it, that the format cannot hold", r"no ONNX form|no ExecuTorch form|no kernel|lower"),
    ("Sizes that are not known to fit", r"not known|sizes |divides by zero"),
    ("A process that died or took too long", r"the process ended|no answer|the server ended"),
    ("Other values than the reference's", r"differs by|is missing"),
)
OTHER = "Other causes"
HEAD = """# Coverage

Tiny checkpoints of the model types that transformers can build and that torch runs on a CPU
(`tests/sweep/zoo/make_zoo.py`), exported with every size dynamic through the transformers front end, loaded by
transformers' own loader and compared with the model at the export's sizes and at others. `tests/sweep/coverage.py`
writes this page from the results of `tests/sweep/sweep.py`; continuous integration checks a fixed tenth against it.
"""


def group_of(fault):
    return next((group for group, pattern in GROUPS if re.search(pattern, fault)), OTHER)


def short(fault):
    """One line for the table, without what changes from run to run."""
    text = fault.removeprefix("export: ")
    text = re.sub(r"^(sweep|frontend|exporters)/\w+\.py:\d+: ", "", text)
    text = text.split(" If you meant for this dimension")[0]
    text = re.sub(r"differs by (inf|[\d.e+-]+)", "differs", text)
    return text.replace("|", "\\|")[:150].strip()


def failures(results):
    """{(group, cause): {checkpoint: [formats]}}"""
    found = {}
    for name in sorted(results):
        for to in FORMATS:
            fault = results[name].get(to, {}).get("fault")
            if fault:
                found.setdefault((group_of(fault), short(fault)), {}).setdefault(name, []).append(to)
    return found


def page(results):
    lines = [*HEAD.splitlines(), "", "| format | right | checkpoints | share |", "| --- | --- | --- | --- |"]
    for to in FORMATS:
        tried = [result[to]["fault"] for result in results.values() if to in result]
        if tried:
            right = tried.count("")
            lines.append(f"| {to} | {right} | {len(tried)} | {100 * right / len(tried):.1f}% |")
    by_group = {}
    for (group, cause), names in failures(results).items():
        for name, formats in names.items():
            by_group.setdefault(group, []).append((name, ", ".join(formats), cause))
    order = [group for group, _ in GROUPS] + [OTHER]
    for group in sorted(by_group, key=order.index):
        lines += ["", f"## {group}", "", "| checkpoint | formats | cause |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {formats} | {cause} |" for name, formats, cause in sorted(by_group[group])]
    return "\n".join(lines) + "\n"


def listed(path=PAGE):
    """{checkpoint: formats} that the page says are not right."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for name, formats in re.findall(r"^\| `(\S+)` \| ([\w, ]+) \|", file.read(), re.M):
            found.setdefault(name, set()).update(formats.split(", "))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results")
    parser.add_argument("--out", default=PAGE)
    options = parser.parse_args()
    with open(options.results, encoding="utf-8") as file:
        results = json.load(file)
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(page(results))


if __name__ == "__main__":
    main()
