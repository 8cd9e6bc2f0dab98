#!/usr/bin/env python
"""Exports checkpoints of a zoo through the transformers front end and compares what transformers' own loader makes of
them with the zoo's reference outputs, at the export's shapes and at others.

    python tests/sweep/sweep.py ZOO OUT [--python PYTHON] [--to dynamo,onnx] [--only a,b] [--json FILE [--resume]]

ZOO holds one folder per checkpoint (zoo/make_zoo.py makes it): config.json, model.safetensors, inputs.safetensors,
outputs.safetensors and, for other shapes, inputs2 and outputs2. This script runs in a Python that has torch; PYTHON,
the one that exports, needs transformers alone (default: the same, its torch is hidden from it). With --ladder each
export is also called at many other sizes (zoo/ladder.py).
"""

import argparse
import collections
import json
import os
import queue
import shutil
import sys
import threading
import time
import zlib

import judging
from fork_server import Server

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "zoo"))

import ladder  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "OMP_NUM_THREADS": "1",
               "TOKENIZERS_PARALLELISM": "false"}


def exporting_server(python, package):
    return Server([python, os.path.join(HERE, "exporting.py")], {**ENVIRONMENT, "PYTHONPATH": package})


def comparing_server():
    return Server([sys.executable, os.path.join(HERE, "comparing.py")], ENVIRONMENT)


def in_tenth(name):
    """Whether a checkpoint belongs to the fixed tenth."""
    return zlib.crc32(name.encode()) % 10 == 0


def checkpoints(zoo, only=None):
    """Names of the finished checkpoints of a zoo; `only` holds names and model types."""
    names = sorted(name for name in os.listdir(zoo) if os.path.exists(os.path.join(zoo, name, "meta.json")))
    return [name for name in names if only is None or name in only or name.split("__")[0] in only]


def ladder_of(comparer, checkpoint, options):
    """The calls of a checkpoint's ladder, made where they are not there; none where it has none."""
    found = ladder.calls(checkpoint, options.calls)
    if found is not None:
        return found
    fault = comparer.ask(3 * options.timeout, do="ladder", checkpoint=checkpoint, most=options.calls).get("fault")
    if fault:
        print(f"  no ladder: {fault}", flush=True)
        return []
    return ladder.calls(checkpoint, options.calls)


def judge(comparer, checkpoint, directory, to, calls, options):
    """The verdicts on the calls, with their labels."""
    paths = [{kind: call[kind] for kind in ("inputs", "outputs")} for call in calls]
    found = comparer.ask(len(calls) * options.timeout, do="judge", checkpoint=checkpoint, directory=directory,
                         format=to, calls=paths, tolerance=options.tolerance)
    verdicts = found.get("calls", [{"verdict": "crashed", "said": found.get("fault", "")}] * len(calls))
    return [{"call": call["label"], **verdict} for call, verdict in zip(calls, verdicts)]


def own_calls(checkpoint):
    """The calls that come with a checkpoint: the export's own and one of other shapes."""
    found = [{"label": label, **{kind: os.path.join(checkpoint, f"{kind}{suffix}.safetensors")
                                 for kind in ("inputs", "outputs")}}
             for suffix, label in (("", "at the export's shapes"), ("2", "at other shapes"))]
    return [call for call in found if os.path.exists(call["inputs"])]


def fault_of(verdicts):
    """The first that is not right, in words; empty when all are."""
    return next((f"{call['call']}: {call['said'][:300]}" for call in verdicts if call["verdict"] != judging.RIGHT), "")


def check(servers, checkpoint, out, formats, options):
    """The result of each format of one checkpoint: its fault ("" when it is right), nodes, fixed sizes, seconds, and
    the verdicts on the calls of its ladder."""
    exporter, comparer = servers
    own = [] if options.made_up else own_calls(checkpoint)
    calls = ladder_of(comparer, checkpoint, options) if options.ladder else []
    start = time.monotonic()
    outputs = {to: os.path.join(out, to, os.path.basename(checkpoint)) for to in formats}
    for directory in outputs.values():
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(os.path.dirname(directory), exist_ok=True)
    inputs = None if options.made_up else os.path.join(checkpoint, "inputs.safetensors")
    answers = exporter.ask(options.timeout, checkpoint=checkpoint, outputs=outputs, inputs=inputs,
                           options=options.options)
    exported = time.monotonic()
    results = {}
    for to in formats:
        answer, verdicts = answers if "fault" in answers else answers[to], []
        fault = answer.get("fault") or ("" if answer["ok"] else answer["message"])
        if fault:
            fault = f"export: {fault}"
        else:
            if own or calls:
                verdicts = judge(comparer, checkpoint, outputs[to], to, own + calls, options)
            fault = fault_of(verdicts[:len(own)])
            if options.made_up:
                fault = comparer.ask(options.timeout, directory=outputs[to], checkpoint=checkpoint, do="made-up",
                                     tolerance=options.tolerance)["fault"]
        results[to] = {"fault": fault, "nodes": answer.get("nodes"), "specializations": answer.get("specializations")}
        if calls and verdicts:
            results[to]["calls"] = verdicts[len(own):]
        if not options.keep:
            shutil.rmtree(outputs[to], ignore_errors=True)
    return results, exported - start, time.monotonic() - exported


def tally(calls):
    """{verdict: number} of the verdicts on calls."""
    return dict(collections.Counter(call["verdict"] for call in calls))


def counted(calls):
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally(calls).items()))


def told(calls):
    """What the line of a checkpoint says of its ladder."""
    lines = [f"; {counted(calls)}"] if calls else []
    lines += [f"    {call['verdict']}: {call['call']}: {call['said'][:300]}" for call in calls
              if call["verdict"] not in (judging.RIGHT, judging.NOT_LEGAL)]
    return "\n".join(lines)


def write_json(path, results):
    with open(path + ".partial", "w", encoding="utf-8") as file:
        json.dump(dict(sorted(results.items())), file, indent=1)
    os.replace(path + ".partial", path)


def sweep(work, results, options):
    """Works the queue off with `jobs` pairs of servers; fills in the results."""
    lock = threading.Lock()

    def run():
        servers = exporting_server(options.python, options.package), comparing_server()
        while True:
            try:
                name, formats = work.get_nowait()
            except queue.Empty:
                break
            found, exporting, comparing = check(servers, os.path.join(options.zoo, name), options.out, formats, options)
            with lock:
                results.setdefault(name, {}).update(found)
                for to, result in found.items():
                    print(f"{to} {name}: {result['fault'] or 'right'}{told(result.get('calls', []))}", flush=True)
                print(f"  {exporting:.1f} s to export, {comparing:.1f} s to compare", flush=True)
                if options.json:
                    write_json(options.json, results)
        for server in servers:
            server.close()

    threads = [threading.Thread(target=run) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo")
    parser.add_argument("out")
    parser.add_argument("--python", default=sys.executable, help="the Python that exports")
    parser.add_argument("--package", default=os.path.join(ROOT, "build/release/python"))
    parser.add_argument("--to", default="dynamo,onnx,executorch")
    parser.add_argument("--only", help="model types or checkpoint names, with commas")
    parser.add_argument("--tenth", action="store_true", help="the fixed tenth that continuous integration takes")
    parser.add_argument("--made-up", action="store_true", help="let each export make up its inputs, and compare those")
    parser.add_argument("--ladder", action="store_true", help="call each export at many other sizes too")
    parser.add_argument("--calls", type=int, default=ladder.MOST, help="legal calls of a ladder, at most")
    parser.add_argument("--options", type=json.loads, default={},
                        help="of the export, as JSON: {\"dtype\": \"float16\", \"ort_fusions\": \"cpu\"}")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one step of one checkpoint")
    parser.add_argument("--tolerance", type=float, default=judging.TOLERANCE)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", help="write the results here, as they come")
    parser.add_argument("--resume", action="store_true", help="leave out what FILE of --json has")
    parser.add_argument("--keep", action="store_true", help="keep the exports")
    return parser.parse_args()


def main():
    options = parse_arguments()
    names = checkpoints(options.zoo, set(options.only.split(",")) if options.only else None)
    names = [name for name in names if in_tenth(name) or not options.tenth]
    results = {}
    if options.resume and options.json and os.path.exists(options.json):
        with open(options.json, encoding="utf-8") as file:
            results = json.load(file)
    work = queue.Queue()
    for name in names:
        formats = [to for to in options.to.split(",") if to not in results.get(name, {})]
        if formats:
            work.put((name, formats))
    sweep(work, results, options)
    right = True
    for to in options.to.split(","):
        count = sum(1 for name in names if results[name][to]["fault"] == "")
        print(f"{to}: {count} of {len(names)} right", flush=True)
        right = right and count == len(names)
        calls = [call for name in names for call in results[name][to].get("calls", [])]
        if calls:
            print(f"    calls: {counted(calls)}", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
