#!/usr/bin/env python
"""Writes a zoo of tiny random Hugging Face checkpoints with reference inputs and outputs.

    python tests/sweep/zoo/make_zoo.py OUT [--only a,b] [--tenth] [--every N] [--list] [--resume]

Every model is built in a fork, so that a crash or a hang costs one. OUT/index.json says what became of each. Needs
torch and transformers.
"""

import argparse
import json
import os
import shutil
import sys
import time
import traceback
import warnings
import zlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import torch  # noqa: E402

torch.set_num_threads(1)

import transformers  # noqa: E402
from families import SKIP, catalogue  # noqa: E402
from fork_server import in_fork  # noqa: E402
from inputs import Maker  # noqa: E402
from random_weights import randomize  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from shrink import tiny_config  # noqa: E402
from sweep import in_tenth  # noqa: E402
from transformers.exporters.utils import get_leaf_tensors  # noqa: E402

MAX_PARAMETERS = 5_000_000


def seed_of(text):
    return zlib.crc32(text.encode()) % 100_000


def run(model, inputs):
    """The outputs by leaf name."""
    with torch.no_grad():
        torch.manual_seed(0)
        outputs = get_leaf_tensors(model(**{k: v.clone() for k, v in inputs.items()}))
    return {k: v.detach().clone().contiguous() for k, v in outputs.items()}


def save(tensors, path):
    """safetensors sorts its tensors; the metadata keeps their order (the model's call order, its output order)."""
    save_file({k: v.clone() for k, v in tensors.items()}, path, metadata={"order": json.dumps(list(tensors))})


def close(a, b):
    """Whether two runs gave the same."""
    return a.keys() == b.keys() and all(
        a[k].shape == b[k].shape
        and torch.allclose(a[k].float(), b[k].float(), atol=1e-5, rtol=1e-4, equal_nan=True) for k in a)


def check_outputs(outputs):
    """Refuses outputs that could not tell a right export from a wrong one."""
    if not outputs:
        raise ValueError("the model returns no tensors")
    for name, tensor in outputs.items():
        if tensor.is_complex():
            raise ValueError(f"complex output {name}")
        if tensor.is_floating_point() and torch.isnan(tensor).any():
            raise ValueError(f"NaN in output {name}")
    floats = {n: t for n, t in outputs.items() if t.is_floating_point() and t.numel() > 4}
    if floats and max(float(t[torch.isfinite(t)].std()) for t in floats.values() if torch.isfinite(t).sum() > 4) < 1e-4:
        raise ValueError("degenerate outputs")


def refuse_large(model):
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    if sum(sizes.values()) > MAX_PARAMETERS:
        worst = sorted(sizes.items(), key=lambda item: -item[1])[:4]
        raise ValueError(f"too big: {sum(sizes.values())} parameters, {worst}")


def build_model(cls, config, seed):
    """A model with random weights; large ones are refused before they take memory."""
    try:
        with torch.device("meta"):
            planned = cls(config)
    except Exception:  # some cannot be planned
        planned = None
    if planned is not None:
        refuse_large(planned)
    torch.manual_seed(seed)
    model = cls(config).eval().float()
    refuse_large(model)
    randomize(model, seed)
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    return model


def save_case(model, model_type, seed, second, directory):
    """Inputs and the outputs that the model gives for them; two runs have to agree."""
    suffix = "2" if second else ""
    inputs = Maker(model, model_type, seed, second).make()
    inputs = {name: value.contiguous() for name, value in inputs.items() if value is not None}
    outputs = run(model, inputs)
    check_outputs(outputs)
    if not close(outputs, run(model, inputs)):
        raise ValueError("nondeterministic: two runs differ")
    save(inputs, os.path.join(directory, f"inputs{suffix}.safetensors"))
    save(outputs, os.path.join(directory, f"outputs{suffix}.safetensors"))


def make_checkpoint(row, directory, has_equal_heads):
    """Everything of one checkpoint; the reference is the model as it is loaded back."""
    model_type, class_name = row[:2]
    config = tiny_config(row, has_equal_heads)
    cls = getattr(transformers, class_name)
    seed = seed_of(f"{model_type}/{class_name}/0")
    build_model(cls, config, seed).save_pretrained(directory)
    model = cls.from_pretrained(directory).eval().float()
    save_case(model, model_type, seed, False, directory)
    note = ""
    try:
        save_case(model, model_type, seed, True, directory)
    except Exception as error:
        note = f"no second inputs: {type(error).__name__}: {str(error)[:200]}"
    with open(os.path.join(directory, "meta.json"), "w", encoding="utf-8") as file:
        json.dump({"model_type": model_type, "architecture": class_name, "note": note}, file)
    return note


def attempt(row, directory):
    """Two tries: many models want as many key and value heads as heads."""
    reasons = []
    for has_equal_heads in (False, True):
        aside = f"{directory}.partial"
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(aside)
        try:
            note = make_checkpoint(row, aside, has_equal_heads)
            os.rename(aside, directory)
            return {"status": "made", "note": note}
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(where.filename)}:{where.lineno}"
            reasons.append(f"{place}: {type(error).__name__}: {str(error)[:300]}")
            shutil.rmtree(aside, ignore_errors=True)
    return {"status": "failed", "reasons": reasons}


def chosen_rows(options):
    rows = catalogue()
    if options.only:
        only = set(options.only.split(","))
        rows = [row for row in rows if row[0] in only or "__".join(row) in only]
    if options.tenth:
        rows = [row for row in rows if in_tenth("__".join(row))]
    return rows[:: options.every]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--only", help="model types or checkpoint names, with commas")
    parser.add_argument("--tenth", action="store_true", help="the fixed tenth that continuous integration takes")
    parser.add_argument("--every", type=int, default=1, help="take each N-th checkpoint")
    parser.add_argument("--timeout", type=float, default=90, help="seconds for one checkpoint")
    parser.add_argument("--resume", action="store_true", help="leave out the checkpoints that are there")
    parser.add_argument("--list", action="store_true", help="print the names and leave")
    options = parser.parse_args()
    rows = chosen_rows(options)
    if options.list:
        print("\n".join("__".join(row) for row in rows))
        return
    os.makedirs(options.out, exist_ok=True)
    index = {}
    for number, row in enumerate(rows):
        name = "__".join(row)
        directory = os.path.join(options.out, name)
        if options.resume and os.path.exists(os.path.join(directory, "meta.json")):
            index[name] = {"status": "made"}
            continue
        shutil.rmtree(directory, ignore_errors=True)
        start = time.monotonic()
        if row[0] in SKIP:
            index[name] = {"status": "skipped", "reason": SKIP[row[0]]}
        else:
            found = in_fork(lambda row=row, directory=directory: attempt(row, directory), options.timeout)
            index[name] = found if "status" in found else {"status": "failed", "reasons": [found["fault"]]}
        shutil.rmtree(f"{directory}.partial", ignore_errors=True)
        print(f"[{number + 1}/{len(rows)}] {name} {index[name]['status']} in {time.monotonic() - start:.1f} s "
              f"{' | '.join(index[name].get('reasons', []))[:200]}", flush=True)
    with open(os.path.join(options.out, "index.json"), "w", encoding="utf-8") as file:
        json.dump(index, file, indent=1)
    for status in ("made", "failed", "skipped"):
        print(f"{sum(1 for result in index.values() if result['status'] == status)} {status}")


if __name__ == "__main__":
    main()
