"""Calls of many sizes for a checkpoint of the zoo: what its own inputs have of each kind is varied, around the sizes
that its config names. transformers decides which of them are legal."""

import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)

import fork_server  # noqa: E402
import judging  # noqa: E402

MOST = 12  # legal calls of a checkpoint
MOST_ILLEGAL = 3  # and those that transformers refuses
PERIOD = re.compile(r"kernel|conv|block|window|chunk|patch|stride|hop|radius|bucket|local|sampl|ratio|span|context")
NO_PERIOD = re.compile(r"dim|channel|layer|hidden|bias|groups?$|token|embeddings|heads|rate$|prob|size_feed|num_b")
BATCHES = (1, 3, 1, 2)


def periods(config):
    """The sizes at which a model may change its way: every kernel, window, block, ... that its config names."""
    from transformers.configuration_utils import PreTrainedConfig

    found = set()
    for name, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            found.update(periods(value))
        elif PERIOD.search(name) and not NO_PERIOD.search(name):
            values = value if isinstance(value, (list, tuple)) else [value]
            whole = [v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 1]
            found |= set(whole)
            if len(whole) > 1 and re.search(r"stride|ratio", name):  # one after another
                product = 1
                for v in whole:
                    product *= v
                found.add(product)
    return sorted(v for v in found if v <= 512)


def around(numbers):
    """Each of these, one less and one more."""
    return [value for number in numbers for value in (number - 1, number + 1, number)]


def spread(numbers, most):
    """As many of these, from the whole range."""
    return numbers if len(numbers) <= most else [numbers[i * (len(numbers) - 1) // (most - 1)] for i in range(most)]


def part(config, *names):
    return next((getattr(config, name) for name in names if getattr(config, name, None) is not None), config)


def lengths(config, base):
    """Of texts."""
    text = config.get_text_config()
    longest = getattr(text, "max_position_embeddings", None)
    longest = longest if isinstance(longest, int) and longest > 1 else 150
    found = spread([p for p in periods(text) if 2 < p < 140], 2)
    return [1, 2, *around(found), min(150, longest), 2 * base + 1, *[2 * p + 1 for p in found[-1:]], 3]


def frames(config, base):
    """Of spectrograms and of sound."""
    found = [p for p in periods(part(config, "audio_config", "audio_encoder", "encoder_config")) if p < 2 * base]
    return [base + 1, base - 1, *around(spread(found, 2)), 2 * base, 2 * base + 3, base // 2, base // 3, 1]


def images(config, base):
    """Heights and widths: other shapes, odd ones, on both sides of patches, smaller than a window."""
    height, width = base
    found = [p for p in periods(part(config, "vision_config")) if 2 < p < 64] or [8]
    small, large = found[0], found[-1]
    return [(height + large, width), (2 * height, width), (height, 2 * width), (height + 1, width - 3),
            (height // 2, width // 2), (height + small - 1, width + small + 1), (2 * height, 2 * width),
            (height - 1, width + 1), (height // 2 + 1, width + 5), (large, large), (small, 2 * small)]


def grids(config, base):
    """Frames, rows and columns of packed patches."""
    return [(1, 4, 8), (1, 8, 4), (1, 12, 8), (1, 4, 4), (2, 4, 4), (1, 2, 2), (1, 6, 10)]


def counts(config, base):
    return [base + 1, 1, 2 * base, base - 1, 5 * base + 2]


KINDS = {"text": lengths, "decoder": counts, "image": images, "frames": frames, "samples": frames, "grid": grids,
         "images": counts, "objects": counts, "steps": counts, "series": frames}


def is_size(value):
    return min(value) > 0 if isinstance(value, tuple) else value > 0


def choices(config, used):
    """Sizes by kind, the telling ones first: one kind is varied at a time, each kind in turn."""
    rows = [[{"batch": 1}, {"batch": 3}]]
    for kind, base in used.items():
        if kind in KINDS:
            values = [v for v in dict.fromkeys(KINDS[kind](config, base)) if is_size(v) and v != base]
            rows.append([{kind: value} for value in values])
    found = []
    for turn in range(max(map(len, rows))):
        found += [row[turn] for row in rows if turn < len(row)]
    for number, sizes in enumerate(found):
        sizes.setdefault("batch", BATCHES[number % len(BATCHES)])
        if number % 3 != 2:
            sizes["padding"] = ("none", "left")[number % 3]
    return found


def label(sizes):
    return " ".join(f"{kind} {'x'.join(map(str, v)) if isinstance(v, tuple) else v}" for kind, v in sizes.items())


def calls_of(model, model_type, checkpoint):
    """[(label, function that gives the inputs)]"""
    import picture_inputs
    from inputs import Maker

    first = Maker(model, model_type, 1, False)
    first.make()
    sample = judging.read(os.path.join(checkpoint, "inputs.safetensors"))
    found = [(label(sizes), lambda sizes=sizes, seed=seed: Maker(model, model_type, seed + 2, False, sizes).make())
             for seed, sizes in enumerate(choices(model.config, first.used))]
    if {"image_grid_thw", "grid_thw", "spatial_shapes", "image_sizes"} & set(sample):
        layouts = [(f"pictures {layout}", lambda layout=layout, seed=seed: picture_inputs.make(
            model, sample, layout, seed)) for seed, layout in enumerate(picture_inputs.LAYOUTS)]
        found[1:1] = layouts
    return found


def write_call(inputs, path):
    flat = inputs()
    judging.write({name: value for name, value in flat.items() if value is not None}, path)
    return {"fault": ""}


def write_calls(checkpoint, folder, most, limit):
    """The calls that could be written, with what transformers gives for them or the words with which it refuses."""
    with open(os.path.join(checkpoint, "meta.json"), encoding="utf-8") as file:
        model_type = json.load(file)["model_type"]
    model = judging.load_model(checkpoint).float()
    made, legal = [], 0
    for name, inputs in calls_of(model, model_type, checkpoint):
        call = judging.paths_of(folder, len(made))
        if fork_server.in_fork(lambda inputs=inputs, call=call: write_call(inputs, call["inputs"]), limit)["fault"]:
            continue  # no such call can be made honestly
        refusal = judging.write_reference(model, call, {}, limit)
        if refusal and sum(bool(found["refusal"]) for found in made) >= MOST_ILLEGAL:
            continue
        if not refusal and not judging.is_steady(model, call, limit):
            os.remove(call["outputs"])
            continue
        legal += not refusal
        made.append({"label": name, "refusal": refusal})
        if legal >= most:
            break
    return made


def make(request):
    """Writes the calls of a checkpoint, up to `most` legal ones, into its folder `ladder`, and calls.json last."""
    checkpoint, most = request["checkpoint"], request["most"]
    folder = os.path.join(checkpoint, "ladder")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    made = write_calls(checkpoint, folder, most, request["limit"])
    with open(os.path.join(folder, "calls.json"), "w", encoding="utf-8") as file:
        json.dump({"most": most, "calls": made}, file, indent=1)
    return {}


def calls(checkpoint, most):
    """The calls of a checkpoint, up to that many legal ones: label, refusal, and the files of inputs and outputs. None
    where so many have not been made yet."""
    folder, found, legal = os.path.join(checkpoint, "ladder"), [], 0
    path = os.path.join(folder, "calls.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        made = json.load(file)
    for number, call in enumerate(made["calls"]):
        legal += not call["refusal"]
        if legal <= most:
            found.append({**call, **judging.paths_of(folder, number)})
    return found if made["most"] >= most else None
