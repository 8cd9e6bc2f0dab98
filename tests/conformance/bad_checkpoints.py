"""Ways to spoil a good checkpoint, each with the exit code and the words that the error must hold."""

import json
import os
import pickle
import struct
from dataclasses import dataclass


@dataclass
class Fault:
    name: str
    spoil: object  # called with the checkpoint directory
    words: tuple = ()  # each must appear in the error, in any case of letters
    codes: tuple = (1,)


def edit_config(**values):
    def spoil(directory):
        path = directory / "config.json"
        config = json.loads(path.read_text())
        for key, value in values.items():
            if value is ...:
                config.pop(key, None)
            else:
                config[key] = value
        path.write_text(json.dumps(config))
    return spoil


def replace_config(text):
    return lambda directory: (directory / "config.json").write_text(text)


def read_weights(directory):
    data = (directory / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[8 + length:]


def write_weights(directory, header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (directory / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def edit_header(change):
    """`change(header, body)` edits the parsed header in place; it may return a new body."""
    def spoil(directory):
        header, body = read_weights(directory)
        body = change(header, body) or body
        write_weights(directory, header, body)
    return spoil


def raw(change):
    def spoil(directory):
        path = directory / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))
    return spoil


NORM = "model.norm.weight"
EMBED = "model.embed_tokens.weight"


def set_entry(name, **values):
    return edit_header(lambda header, body: header[name].update(values))


def shift(header, name, start, end):
    first, last = header[name]["data_offsets"]
    header[name]["data_offsets"] = [first + start, last + end]


def overlap(header, body):
    """The last tensor moves into the first one; nothing else of the file is out of place."""
    first, last = header[NORM]["data_offsets"]
    assert last == len(body)
    header[NORM]["data_offsets"] = [64, 64 + last - first]
    return body[:first]


def add_surplus(header, body):
    header["model.layers.0.self_attn.surprise"] = {
        "dtype": "F32", "shape": [2], "data_offsets": [len(body), len(body) + 8]}
    return body + b"\0" * 8


def duplicate_key(directory):
    header, body = read_weights(directory)
    entry = json.dumps(header[NORM])
    text = json.dumps(header)[:-1] + f', "{NORM}": {entry}}}'
    write_weights(directory, text.encode(), body)


def sharded(weight_map):
    """Replace the single file by one shard and an index, with entries added to the map."""
    def spoil(directory):
        header, _ = read_weights(directory)
        os.rename(directory / "model.safetensors", directory / "shard.safetensors")
        names = [name for name in header if name != "__metadata__"]
        index = {"metadata": {"total_size": 1},
                 "weight_map": {**{name: "shard.safetensors" for name in names}, **weight_map}}
        (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    return spoil


class Bomb:
    def __reduce__(self):
        return os.system, ("touch pickle-was-executed",)


def only_pickle(directory):
    os.unlink(directory / "model.safetensors")
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


def replaced_weights(name, data=b"never read"):
    """Weights in another file in place of model.safetensors."""
    def spoil(directory):
        os.unlink(directory / "model.safetensors")
        (directory / name).write_bytes(data)
    return spoil


def add_adapter(directory):
    config = {"peft_type": "LORA", "base_model_name_or_path": "someone/base", "r": 8, "target_modules": ["q_proj"]}
    (directory / "adapter_config.json").write_text(json.dumps(config))


def only_adapter(directory):
    for path in directory.iterdir():
        path.unlink()
    add_adapter(directory)


def without_head(directory):
    edit_config(architectures=["LlamaForSequenceClassification"])(directory)


def quantized(method, **more):
    return Fault(f"quantised by {method}", edit_config(quantization_config={"quant_method": method, **more}),
                 ("quantization_config", method), (3,))


WEIGHT_FAULTS = [
    Fault("truncated", raw(lambda d: d[:len(d) // 2]), ("model.safetensors",)),
    Fault("truncated by one byte", raw(lambda d: d[:-1]), ("model.safetensors",)),
    Fault("empty file", raw(lambda d: b""), ("model.safetensors",)),
    Fault("seven bytes", raw(lambda d: d[:7]), ("model.safetensors",)),
    Fault("header longer than the file", raw(lambda d: struct.pack("<Q", len(d)) + d[8:]), ("header",)),
    Fault("header length of 2^63", raw(lambda d: struct.pack("<Q", 1 << 63) + d[8:]), ("header",)),
    Fault("header of 200 MB", raw(lambda d: struct.pack("<Q", 200 << 20) + d[8:]), ("header",)),
    Fault("header is no JSON", raw(lambda d: d[:8] + b"!" + d[9:]), ("model.safetensors",)),
    Fault("header is a list", lambda p: write_weights(p, b"[1, 2]", b""), ("model.safetensors",)),
    Fault("overlapping tensors", edit_header(overlap), (NORM,)),
    Fault("end before start", edit_header(lambda h, b: shift(h, NORM, 0, -10**6)), (NORM,)),
    Fault("offsets beyond the file", edit_header(lambda h, b: shift(h, NORM, 1 << 40, 1 << 40)), (NORM,)),
    Fault("offsets past 64 bits", set_entry(NORM, data_offsets=[0, 1 << 70]), (NORM,)),
    Fault("negative offset", set_entry(NORM, data_offsets=[-128, 0]), (NORM,)),
    Fault("size is not shape times dtype", edit_header(lambda h, b: shift(h, NORM, 0, -4)), (NORM,)),
    Fault("negative size", set_entry(NORM, shape=[-32]), (NORM,)),
    Fault("sizes whose product overflows", set_entry(NORM, shape=[1 << 40, 1 << 40]), (NORM,)),
    Fault("unknown dtype", set_entry(NORM, dtype="F31"), (NORM, "F31"), (1, 3)),
    Fault("shape is a text", set_entry(NORM, shape="32"), (NORM,)),
    Fault("the same tensor twice", duplicate_key, (NORM,)),
    Fault("missing tensor", edit_header(lambda h, b: h.update({"other.weight": h.pop(NORM)})),
          (NORM, "missing", "allow_missing")),
    Fault("wrong shape", set_entry(NORM, shape=[2, 16]), (NORM, "16", "32")),
    Fault("transposed tensor", set_entry(EMBED, shape=[32, 128]), (EMBED,)),
    Fault("surplus tensor", edit_header(add_surplus),
          ("model.layers.0.self_attn.surprise", "allow_surplus")),
    Fault("missing head", without_head, ("score.weight", "--task feature-extraction", "allow_missing")),
    Fault("integer weights", set_entry(NORM, dtype="I32"), (NORM,), (1, 3)),
    Fault("shard missing", sharded({NORM: "other.safetensors"}), ("other.safetensors",)),
    Fault("shard outside the directory", sharded({NORM: "../shard.safetensors"}), ("../shard.safetensors",)),
    Fault("shard by absolute path", sharded({NORM: "/etc/hostname"}), ("/etc/hostname",)),
    Fault("index names an absent tensor", sharded({"model.layers.7.ghost": "shard.safetensors"}),
          ("model.layers.7.ghost",)),
    Fault("index is no JSON", lambda p: (sharded({})(p), (p / "model.safetensors.index.json").write_text("{"))[0],
          ("model.safetensors.index.json",)),
    Fault("index without a map", lambda p: (sharded({})(p),
                                            (p / "model.safetensors.index.json").write_text("{}"))[0], ("weight_map",)),
    Fault("no weights at all", lambda p: os.unlink(p / "model.safetensors"), ("safetensors",)),
    Fault("only a pickle", only_pickle, ("pytorch_model.bin", "save_pretrained"), (3,)),
    Fault("only a variant", replaced_weights("model.fp16.safetensors"),
          ("'fp16'", "model.fp16.safetensors", "rename"), (3,)),
    Fault("only a sharded variant", replaced_weights("model.safetensors.index.fp16.json"),
          ("'fp16'", "model.safetensors.index.json"), (3,)),
    Fault("other names", replaced_weights("consolidated.safetensors"), ("consolidated.safetensors",), (3,)),
    Fault("only GGUF", replaced_weights("model-Q4_K_M.gguf"), ("GGUF", "model-Q4_K_M.gguf", "gguf_file"), (3,)),
    Fault("only a trainer's state", replaced_weights("training_args.bin"), ("no weights",)),
    Fault("adapter alone", only_adapter, ("only an adapter", "LORA", "someone/base", "merge_and_unload"), (3,)),
    Fault("adapter beside its base", add_adapter, ("adapter_config.json", "LORA", "merge_and_unload"), (3,)),
    Fault("weights are a directory", lambda p: (os.unlink(p / "model.safetensors"),
                                                os.mkdir(p / "model.safetensors"))[0], ("model.safetensors",)),
]

CONFIG_FAULTS = [
    Fault("no config", lambda p: os.unlink(p / "config.json"), ("config.json",)),
    Fault("config is no JSON", replace_config("{model_type: llama}"), ("config.json",)),
    Fault("config is cut off", replace_config('{"model_type": "lla'), ("config.json",)),
    Fault("config is a list", replace_config("[]"), ("config.json",)),
    Fault("config nested too deep", replace_config("[" * 200000), ("config.json",)),
    Fault("config is binary", lambda p: (p / "config.json").write_bytes(bytes(range(256))), ("config.json",)),
    Fault("no model_type", edit_config(model_type=...), ("model_type",)),
    Fault("model_type is a number", edit_config(model_type=7), ("model_type",)),
    Fault("unknown model_type", edit_config(model_type="lama"), ("lama", "llama"), (3,)),
    Fault("unknown model_type far from all", edit_config(model_type="zzzz"), ("zzzz",), (3,)),
    Fault("unknown architecture", edit_config(architectures=["LlamaForCasualLM"]),
          ("LlamaForCasualLM", "LlamaForCausalLM"), (3,)),
    Fault("architecture of another family", edit_config(architectures=["BertForMaskedLM"]), ("BertForMaskedLM",),
          (1, 3)),
    Fault("hidden size not a multiple of the heads", edit_config(num_attention_heads=5, head_dim=...),
          ("hidden_size", "num_attention_heads")),
    Fault("heads not a multiple of key heads", edit_config(num_key_value_heads=3), ("num_key_value_heads",)),
    Fault("negative layers", edit_config(num_hidden_layers=-1), ("num_hidden_layers", "-1")),
    Fault("no heads", edit_config(num_attention_heads=0, num_key_value_heads=0, head_dim=...),
          ("num_attention_heads",)),
    Fault("negative vocabulary", edit_config(vocab_size=-5), ("vocab_size", "-5")),
    Fault("absurd hidden size", edit_config(hidden_size=1 << 62, head_dim=...), ("hidden_size",)),
    Fault("a billion layers", edit_config(num_hidden_layers=10**9), ("num_hidden_layers",)),
    Fault("size as text", edit_config(hidden_size="32"), ("hidden_size",)),
    Fault("size as fraction", edit_config(intermediate_size=48.5), ("intermediate_size",)),
    Fault("size beyond 64 bits", edit_config(intermediate_size=1 << 70), ("intermediate_size",)),
    Fault("sizes that the weights do not have", edit_config(intermediate_size=64), ("mlp",)),
    Fault("more layers than weights", edit_config(num_hidden_layers=3), ("model.layers.2",)),
    Fault("fewer layers than weights", edit_config(num_hidden_layers=1), ("model.layers.1",)),
    Fault("unknown activation", edit_config(hidden_act="sillu"), ("sillu", "silu"), (3,)),
    Fault("unknown rope type", edit_config(rope_parameters={"rope_type": "yarm", "rope_theta": 1e4}),
          ("yarm", "yarn"), (3,)),
    Fault("rope without its factor", edit_config(rope_parameters={"rope_type": "linear", "rope_theta": 1e4}),
          ("factor",)),
    Fault("longrope factors of the wrong length", edit_config(rope_parameters={
        "rope_type": "longrope", "rope_theta": 1e4, "factor": 2.0, "original_max_position_embeddings": 16,
        "short_factor": [1.0, 1.0], "long_factor": [1.0, 1.0]}), ("short_factor",)),
    Fault("unknown dtype", edit_config(dtype="float7"), ("float7",), (1, 3)),
    *[quantized(method) for method in ("gptq", "awq", "fp8", "compressed-tensors", "mxfp4", "bitsandbytes")],
    Fault("quantised without a method", edit_config(quantization_config={"load_in_4bit": True}), ("bitsandbytes",),
          (3,)),
    Fault("code of its own", edit_config(auto_map={"AutoModel": "modeling_own.Own"}),
          ("modeling_own.py", "--trust-remote-code"), (3,)),
]

FAULTS = WEIGHT_FAULTS + CONFIG_FAULTS
