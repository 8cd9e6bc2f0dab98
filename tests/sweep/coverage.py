#!/usr/bin/env python
"""Writes docs/coverage.md from the results of a sweep: what is right in each format, and every checkpoint that is not,
with its cause; of a sweep with --ladder, the calls at other sizes too.

    python tests/sweep/coverage.py RESULTS.json [--out docs/coverage.md]
"""

import argparse
import json
import os
import re

from judging import CRASHED, NOT_LEGAL, REFUSED, RIGHT, WRONG

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
    ("Other values than the reference's", r"differs by|is missing"),
    ("Sizes that are not known to fit", r"not known|sizes |divides by zero"),
    ("A process that died or took too long", r"the process ended|no answer|the server ended"),
)
OTHER = "Other causes"
HEAD = """# Coverage

Tiny checkpoints of the model types that transformers can build and that torch runs on a CPU
(`tests/sweep/zoo/make_zoo.py`), exported with every size dynamic through the transformers front end, loaded by
transformers' own loader and compared with the model at the export's sizes and at others. `tests/sweep/coverage.py`
writes this page from the results of `tests/sweep/sweep.py`; continuous integration checks a fixed tenth against it.
"""
SIZES = "## Calls at other sizes"
SIZES_HEAD = """
Every export is called at up to {most} other sizes: one sample, one token, longer than the sample, one below and one
above each kernel, window, block and patch that the config names, other shapes and numbers of pictures
(`tests/sweep/zoo/ladder.py`). transformers decides which calls are legal: one that it refuses, the file may answer.
Calls that do not determine their outputs are left out: those where weights that differ in the last places give others,
and those that depend on which of equal or nearly equal values `torch.topk` takes.
"""
NAMED = "refused by name"
VERDICTS = ((WRONG, "Wrong without an error"), (CRASHED, "The process died, or the file does not load"),
            (REFUSED, "Refused, without the input's name"),
            (NAMED, "Refused, with the name of the input and what it has to be"))


def group_of(fault):
    return next((group for group, pattern in GROUPS if re.search(pattern, fault)), OTHER)


def short(fault):
    """One line for the table, without what changes from run to run."""
    text = fault.removeprefix("export: ")
    text = re.sub(r"^(sweep|frontend|exporters)/\w+\.py:\d+: ", "", text)
    text = text.split(" If you meant for this dimension")[0]
    text = re.sub(r"differs by (inf|[\d.e+-]+)", "differs", text)
    return text.replace("|", "\\|")[:150].strip()


def verdict_of(call):
    return NAMED if call["verdict"] == REFUSED and call.get("named") else call["verdict"]


def size_rows(results):
    """{(verdict, checkpoint): {format: calls}} of the legal calls that are not right."""
    found = {}
    for name in sorted(results):
        for to in FORMATS:
            for call in results[name].get(to, {}).get("calls", []):
                if call["verdict"] not in (RIGHT, NOT_LEGAL):
                    found.setdefault((verdict_of(call), name), {}).setdefault(to, []).append(call)
    return found


def size_lines(results):
    """The page's part on calls at other sizes; none when the sweep made none."""
    calls = {to: [call for result in results.values() for call in result.get(to, {}).get("calls", [])]
             for to in FORMATS}
    if not any(calls.values()):
        return []
    most = max(len(result.get(to, {}).get("calls", [])) for result in results.values() for to in FORMATS)
    lines = ["", SIZES, *SIZES_HEAD.format(most=most).splitlines(), ""]
    lines += [f"| format | calls | right | {NOT_LEGAL} | {' | '.join(verdict for verdict, _ in VERDICTS)} | share |",
              "| --- " * (len(VERDICTS) + 5) + "|"]
    for to in FORMATS:
        if not calls[to]:
            continue
        verdicts = [verdict_of(call) for call in calls[to]]
        counts = [verdicts.count(verdict) for verdict in (RIGHT, NOT_LEGAL, *(verdict for verdict, _ in VERDICTS))]
        share = 100 * (counts[0] + counts[1]) / len(verdicts)
        lines.append(f"| {to} | {len(verdicts)} | {' | '.join(map(str, counts))} | {share:.1f}% |")
    rows = size_rows(results)
    for verdict, title in VERDICTS:
        by_name = {name: formats for (found, name), formats in rows.items() if found == verdict}
        if by_name:
            lines += ["", f"### {title}", "", "| checkpoint | formats | calls | the first |", "| --- " * 4 + "|"]
        for name, formats in by_name.items():
            first = next(iter(formats.values()))[0]
            most = max(map(len, formats.values()))
            lines.append(f"| `{name}` | {', '.join(formats)} | {most} | {first['call']}: {short(first['said'])} |")
    return lines


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
    return "\n".join([*lines, *size_lines(results)]) + "\n"


def listed(path=PAGE):
    """{checkpoint: formats} that the page says are not right."""
    with open(path, encoding="utf-8") as file:
        return _rows(file.read().partition(SIZES)[0])


def listed_sizes(path=PAGE):
    """{verdict: {checkpoint: formats}} that the page says of calls at other sizes."""
    with open(path, encoding="utf-8") as file:
        parts = file.read().partition(SIZES)[2].split("\n### ")
    titles = {title: verdict for verdict, title in VERDICTS}
    return {titles[part.partition("\n")[0]]: _rows(part) for part in parts[1:]}


def _rows(text):
    found = {}
    for name, formats in re.findall(r"^\| `(\S+)` \| ([\w, ]+) \|", text, re.M):
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
