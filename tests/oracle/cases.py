"""Inputs of every program (one traced set of forward kwargs) and the outputs that transformers gives for them.

A case is one call: `inputs_N.safetensors` (in forward order, the order is also in the file's metadata) and
`outputs_N.safetensors` (the leaves of the model's output, named by dotted path). For 16-bit checkpoints `exact_N`
holds the same outputs computed in float32, so that a tolerance can be taken from transformers' own rounding error.
"""

import copy
import json
import zlib

import torch
from safetensors.torch import save_file
from transformers import DynamicCache
from transformers.exporters.utils import get_leaf_tensors

# (batch, sequence, padding). The first one is the sample that the export is traced with.
FULL = [(2, 9, "none"), (1, 1, "none"), (1, 2, "left"), (1, 17, "right"), (1, 40, "none"), (2, 1, "none"),
        (2, 2, "right"), (2, 17, "left"), (2, 40, "right"), (5, 1, "none"), (5, 2, "none"), (5, 17, "none"),
        (5, 40, "left"), (5, 17, "right"), (1, 17, "left")]
SHORT = [(2, 9, "none"), (1, 1, "none"), (2, 2, "left"), (5, 17, "right"), (1, 40, "none"), (2, 40, "left")]
# (batch, past, query): sequence = past + query, padding on the left of row 1.
DECODE_FULL = [(2, 9, 1), (1, 1, 1), (1, 16, 1), (5, 40, 1), (2, 5, 3), (1, 40, 2), (2, 7, 1), (2, 8, 1), (2, 0, 7),
               (1, 0, 1), (5, 0, 17)]
DECODE_SHORT = [(2, 9, 1), (1, 1, 1), (5, 40, 1), (2, 5, 3), (2, 0, 7)]
# The sample's cache holds nothing yet.
EMPTY_CACHE = [(2, 0, 4), (1, 0, 1), (2, 9, 1), (5, 40, 2), (1, 1, 1)]
IMAGES = [(2,), (1,), (5,)]
# (batch, choices, sequence, padding)
CHOICES = [(2, 3, 9, "none"), (1, 1, 1, "none"), (5, 4, 17, "right"), (1, 2, 40, "none"), (2, 1, 2, "left")]


def seeded(*parts):
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, parts)).encode()))


def padding_mask(batch, length, padding):
    """Row r is padded by about r/(batch+1) of the length (one row: a third), always at least one token left."""
    mask = torch.ones(batch, length, dtype=torch.long)
    for row in range(batch):
        count = min(length - 1, (length * (row + 1)) // (batch + 2))
        if padding == "left" and count:
            mask[row, :count] = 0
        elif padding == "right" and count:
            mask[row, length - count:] = 0
    return mask


def token_ids(config, batch, length, mask, generator):
    ids = torch.randint(3, config.vocab_size, (batch, length), generator=generator)
    pad = config.pad_token_id
    return ids if pad is None else torch.where(mask.bool(), ids, torch.full_like(ids, pad))


def embeddings(model, ids):
    return model.get_input_embeddings()(ids).detach()


def text_inputs(model, kwargs, batch, length, padding, generator):
    mask = padding_mask(batch, length, padding)
    ids = token_ids(model.config, batch, length, mask, generator)
    values = {
        "input_ids": lambda: ids,
        "attention_mask": lambda: mask,
        "token_type_ids": lambda: torch.randint(0, model.config.type_vocab_size, (batch, length), generator=generator),
        # Positions that a plain arange would not give.
        "position_ids": lambda: torch.arange(length).expand(batch, length).contiguous() + torch.arange(batch)[:, None],
        "inputs_embeds": lambda: embeddings(model, ids),
    }
    return {name: values[name]() for name in kwargs}


def choice_inputs(model, kwargs, batch, choices, length, padding, generator):
    rows = text_inputs(model, kwargs, batch * choices, length, padding, generator)
    return {name: tensor.view(batch, choices, length) for name, tensor in rows.items()}


def packed_inputs(model, kwargs, length, generator):
    """One row holding several sequences, told apart by positions that start again at 0."""
    ids = torch.randint(3, model.config.vocab_size, (1, length), generator=generator)
    first = max(1, length // 3)
    positions = torch.cat([torch.arange(first), torch.arange(length - first)])[None]
    return {name: {"input_ids": ids, "position_ids": positions}[name] for name in kwargs}


def decode_inputs(model, kwargs, batch, past, query, generator):
    """The next `query` tokens after a prefill of `past` tokens; the cache keeps every position in every layer."""
    mask = padding_mask(batch, past + query, "none")
    if batch > 1 and past > 2:
        mask[1, :2] = 0
    ids = token_ids(model.config, batch, past + query, mask, generator)
    cache = DynamicCache()
    before = max(past, 1)  # one token too many is taken out of the cache again
    copy.deepcopy(model)(input_ids=ids[:, :before], attention_mask=mask[:, :before], past_key_values=cache,
                         use_cache=True)
    if before > past:
        cache.crop(past - before)
    values = {"input_ids": ids[:, past:], "attention_mask": mask, "past_key_values": cache}
    return {name: values[name] for name in kwargs}


def image_inputs(model, kwargs, batch, generator):
    config = model.config
    size = config.image_size if isinstance(config.image_size, (list, tuple)) else [config.image_size] * 2
    values = {"pixel_values": torch.randn(batch, config.num_channels, *size, generator=generator)}
    if "bool_masked_pos" in kwargs:
        values["bool_masked_pos"] = torch.rand(batch, model.base_model.embeddings.patch_embeddings.num_patches,
                                               generator=generator) < 0.4
    return {name: values[name] for name in kwargs}


# program name -> forward kwargs, in order
PROGRAMS = {
    "prefill": ["input_ids", "attention_mask"],
    "ids": ["input_ids"],
    "positions": ["input_ids", "attention_mask", "position_ids"],
    "embeds": ["inputs_embeds", "attention_mask"],
    "packed": ["input_ids", "position_ids"],
    "decode": ["input_ids", "attention_mask", "past_key_values"],
    "empty": ["input_ids", "attention_mask", "past_key_values"],
    "single": ["input_ids", "attention_mask"],  # batch 1 only: a classifier without a padding token
    "types": ["input_ids", "attention_mask", "token_type_ids"],
    "all": ["input_ids", "attention_mask", "token_type_ids", "position_ids"],
    "choices": ["input_ids", "attention_mask", "token_type_ids"],
    "image": ["pixel_values"],
    "masked": ["pixel_values", "bool_masked_pos"],
}


def shapes_of(program, full):
    """[(description, builder arguments)] of a program's cases, the sample first."""
    if program in ("image", "masked"):
        return [dict(batch=b) for (b,) in IMAGES]
    if program == "choices":
        return [dict(batch=b, choices=c, sequence=s, padding=p) for b, c, s, p in CHOICES]
    if program == "decode":
        return [dict(batch=b, past=p, sequence=q) for b, p, q in (DECODE_FULL if full else DECODE_SHORT)]
    if program == "empty":
        return [dict(batch=b, past=p, sequence=q) for b, p, q in EMPTY_CACHE]
    if program == "packed":
        return [dict(batch=1, sequence=s) for s in (9, 2, 17, 40)]
    table = FULL if full else SHORT
    if program == "single":
        return [dict(batch=1, sequence=s, padding=p) for b, s, p in FULL if b == 1]
    return [dict(batch=b, sequence=s, padding=p if program != "ids" else "none") for b, s, p in table]


def build_inputs(model, program, name, shape):
    generator = seeded(name, program, *shape.values())
    kwargs = PROGRAMS[program]
    if program in ("image", "masked"):
        return image_inputs(model, kwargs, shape["batch"], generator)
    if program == "choices":
        return choice_inputs(model, kwargs, shape["batch"], shape["choices"], shape["sequence"], shape["padding"],
                             generator)
    if program in ("decode", "empty"):
        return decode_inputs(model, kwargs, shape["batch"], shape["past"], shape["sequence"], generator)
    if program == "packed":
        return packed_inputs(model, kwargs, shape["sequence"], generator)
    return text_inputs(model, kwargs, shape["batch"], shape["sequence"], shape["padding"], generator)


def to_dtype(inputs, dtype):
    """Floating-point leaves in the model's dtype, as the exporter casts its sample inputs."""
    cast = lambda t: t.to(dtype) if t.is_floating_point() else t  # noqa: E731
    result = {}
    for name, value in inputs.items():
        if isinstance(value, torch.Tensor):
            result[name] = cast(value)
        else:
            value = copy.deepcopy(value)
            for layer in value.layers:
                layer.keys, layer.values, layer.dtype = cast(layer.keys), cast(layer.values), dtype
            result[name] = value
    return result


def write_leaves(path, leaves):
    """Equal storages are cloned: safetensors refuses shared memory. The order of the leaves goes into the metadata."""
    seen = {name: tensor.detach().clone().contiguous() for name, tensor in leaves.items()}
    save_file(seen, path, metadata={"order": json.dumps(list(leaves))})


def write_program(directory, name, model, exact_model, program, full, export_args):
    """Write the cases of one program; every call gets its own copy of the model (rotary embeddings keep state)."""
    directory.mkdir(parents=True, exist_ok=True)
    cases = []
    for index, shape in enumerate(shapes_of(program, full)):
        inputs = to_dtype(build_inputs(exact_model, program, name, shape), model.dtype)
        case = {**shape, "inputs": f"inputs_{index}.safetensors", "outputs": f"outputs_{index}.safetensors"}
        write_leaves(directory / case["inputs"], get_leaf_tensors(inputs))
        if model.dtype != torch.float32:
            case["exact"] = f"exact_{index}.safetensors"
            exact = copy.deepcopy(exact_model)(**to_dtype(inputs, torch.float32))
            write_leaves(directory / case["exact"], get_leaf_tensors(exact))
        outputs = copy.deepcopy(model)(**copy.deepcopy(inputs))
        write_leaves(directory / case["outputs"], get_leaf_tensors(outputs))
        cases.append(case)
    record = {"program": program, "kwargs": PROGRAMS[program], "export_args": export_args, "sample": 0, "cases": cases}
    (directory / "case.json").write_text(json.dumps(record, indent=1) + "\n")
