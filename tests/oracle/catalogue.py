"""The tiny checkpoints: one row each, covering the heads, options and file layouts of the supported families."""

from dataclasses import dataclass, field
from typing import Any, Callable

DECODERS = ("llama", "mistral", "qwen2", "qwen3")
CLASS_PREFIX = dict(llama="Llama", mistral="Mistral", qwen2="Qwen2", qwen3="Qwen3", bert="Bert", vit="ViT")
HEADS = {
    **{family: ("Model", "ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
       for family in DECODERS},
    "bert": ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"),
    "vit": ("Model", "ForImageClassification"),
}

TINY_DECODER = dict(vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
TINY = {
    "llama": TINY_DECODER,
    "mistral": TINY_DECODER,
    "qwen2": TINY_DECODER,
    "qwen3": {**TINY_DECODER, "head_dim": 16},
    "bert": dict(vocab_size=120, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                 max_position_embeddings=64, type_vocab_size=2),
    "vit": dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32,
                patch_size=8, num_channels=3),
}


@dataclass
class Row:
    """One checkpoint. `edit` changes the written config.json in place, `rename` the tensors of the written weights,
    `load_as` is the class that reads the files (default: the one that wrote them)."""

    name: str
    family: str
    head: str
    config: dict[str, Any] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    full: bool = False
    dtype: str = "float32"
    cast: str | None = None  # export and load in this dtype instead of the checkpoint's own
    edit: Callable[[dict], None] | None = None
    rename: Callable[[dict], dict] | None = None
    shard: bool = False
    load_as: str | None = None
    attention: str | None = None

    @property
    def architecture(self):
        return CLASS_PREFIX[self.family] + self.head

    @property
    def loaded_architecture(self):
        return CLASS_PREFIX[self.family] + (self.load_as or self.head)


def setter(**values):
    """An edit of config.json: a value of None removes the key."""
    def edit(config):
        for key, value in values.items():
            if value is None:
                config.pop(key, None)
            else:
                config[key] = value
    return edit


def old_rope(**scaling):
    """The spelling before transformers 5: `rope_theta` at the top and `rope_scaling` beside it."""
    def edit(config):
        parameters = config.pop("rope_parameters")
        config["rope_theta"] = parameters["rope_theta"]
        config["rope_scaling"] = {k: v for k, v in parameters.items() if k != "rope_theta"} if scaling.get(
            "keep", True) else None
        if config["rope_scaling"] and scaling.get("type_key"):
            config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
    return edit


LONG = dict(original_max_position_embeddings=24, short_factor=[1.0, 1.1, 1.3, 1.7], long_factor=[1.0, 2.0, 3.5, 5.0])
ROPES = {
    "default": dict(rope_type="default", rope_theta=5000.0),
    "linear": dict(rope_type="linear", rope_theta=5000.0, factor=2.5),
    "dynamic": dict(rope_type="dynamic", rope_theta=5000.0, factor=2.0),
    "yarn": dict(rope_type="yarn", rope_theta=5000.0, factor=4.0, original_max_position_embeddings=16),
    "longrope": dict(rope_type="longrope", rope_theta=5000.0, factor=2.5, **LONG),
    "llama3": dict(rope_type="llama3", rope_theta=5000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=16),
}
ROPE_VARIANTS = {
    "yarn_tuned": dict(ROPES["yarn"], beta_fast=16, beta_slow=2, attention_factor=1.3),
    "yarn_mscale": dict(ROPES["yarn"], mscale=0.8, mscale_all_dim=0.5, truncate=False),
    "longrope_attention": dict(ROPES["longrope"], attention_factor=1.25),
}


def rope_rows():
    for name, parameters in {**ROPES, **ROPE_VARIANTS}.items():
        # Dynamic NTK scales beyond max_position_embeddings: the longest case must pass it.
        limit = 24 if name == "dynamic" else 64
        config = dict(rope_parameters=parameters, max_position_embeddings=limit)
        yield Row(f"llama_rope_{name}", "llama", "ForCausalLM", config, ("prefill", "decode"))
    for index, (name, parameters) in enumerate(ROPES.items()):
        limit = 24 if name == "dynamic" else 64
        family = DECODERS[index % 4]
        head_dim = 8  # the longrope factors have head_dim / 2 entries
        config = dict(rope_parameters=parameters, max_position_embeddings=limit, head_dim=head_dim)
        if family == "qwen2":
            config.pop("head_dim")
        edit = old_rope(keep=name != "default", type_key=name in ("linear", "dynamic"))
        yield Row(f"{family}_old_rope_{name}", family, "ForCausalLM", config, ("prefill",), edit=edit)


def head_rows():
    for family in DECODERS:
        for head in HEADS[family]:
            programs = ("prefill", "decode") if head in ("Model", "ForCausalLM") else ("prefill",)
            if head == "ForCausalLM":
                programs += ("empty",)
                programs += ("ids", "positions", "packed", "embeds") if family in ("llama", "mistral") else ()
            extra = dict(num_labels=5) if "Classification" in head else {}
            yield Row(f"{family}_{head}", family, head, extra, programs, full=head == "ForCausalLM")
    for head in HEADS["bert"]:
        extra = dict(num_labels=5) if "Classification" in head else {}
        programs = ("types", "prefill", "ids", "all", "embeds") if head == "Model" else ("types",)
        yield Row(f"bert_{head}", "bert", head, extra, programs, full=head in ("Model", "ForMaskedLM"))
    decoder = dict(is_decoder=True, num_hidden_layers=3)
    yield Row("bert_LMHeadModel", "bert", "LMHeadModel", decoder, ("prefill", "decode", "ids", "types", "positions"),
              full=True)
    yield Row("bert_decoder_base", "bert", "Model", decoder, ("prefill", "decode"))
    yield Row("bert_decoder_eager", "bert", "LMHeadModel", decoder, ("prefill",), edit=setter(output_attentions=True),
              attention="eager")
    yield Row("bert_LMHeadModel_encoder", "bert", "LMHeadModel", {}, ("prefill",))
    yield Row("bert_ForPreTraining", "bert", "ForPreTraining", {}, ("types", "prefill"))
    yield Row("bert_ForNextSentencePrediction", "bert", "ForNextSentencePrediction", {}, ("types",))
    yield Row("bert_ForMultipleChoice", "bert", "ForMultipleChoice", {}, ("choices",))
    yield Row("vit_ForMaskedImageModeling", "vit", "ForMaskedImageModeling", dict(encoder_stride=8),
              ("image", "masked"))
    for head in HEADS["vit"]:
        yield Row(f"vit_{head}", "vit", head, dict(num_labels=7) if "Classification" in head else {}, ("image",))


def attention_rows():
    causal = lambda name, family, program=("prefill", "decode"), **config: Row(  # noqa: E731
        f"{family}_{name}", family, "ForCausalLM", config, program)
    yield causal("mha", "llama", num_key_value_heads=4)
    yield causal("mqa", "llama", num_key_value_heads=1)
    yield causal("head_dim", "llama", head_dim=12)
    yield causal("attention_bias", "llama", attention_bias=True)
    yield causal("mlp_bias", "llama", mlp_bias=True, attention_bias=True)
    yield causal("three_layers_eps", "llama", num_hidden_layers=3, rms_norm_eps=1e-3)
    yield causal("mqa", "qwen3", num_key_value_heads=1)
    yield causal("attention_bias", "qwen3", attention_bias=True)
    yield causal("mha", "qwen2", num_key_value_heads=4)
    yield causal("head_dim", "mistral", head_dim=16)
    yield causal("no_window", "mistral", sliding_window=None)
    yield Row("mistral_window", "mistral", "ForCausalLM", dict(sliding_window=8),
              ("prefill", "decode", "empty", "ids"),
              full=True)
    yield Row("mistral_window_one", "mistral", "ForCausalLM", dict(sliding_window=1), ("prefill",))
    yield Row("mistral_window_base", "mistral", "Model", dict(sliding_window=5, num_hidden_layers=3), ("prefill",))
    yield Row("mistral_window_classifier", "mistral", "ForSequenceClassification",
              dict(sliding_window=4, num_labels=3), ("prefill",))
    window = dict(use_sliding_window=True, sliding_window=8, max_window_layers=1, num_hidden_layers=3)
    yield Row("qwen2_window", "qwen2", "ForCausalLM", window, ("prefill", "decode"), full=True)
    yield Row("qwen3_window", "qwen3", "ForCausalLM", window, ("prefill", "decode"))
    mixed = dict(use_sliding_window=True, sliding_window=6, num_hidden_layers=3,
                 layer_types=["full_attention", "sliding_attention", "full_attention"])
    yield Row("qwen2_window_mixed", "qwen2", "ForCausalLM", mixed, ("prefill",))
    yield Row("qwen3_window_mixed", "qwen3", "ForCausalLM", mixed, ("prefill", "decode", "empty"))
    unused = dict(use_sliding_window=False, sliding_window=4)
    yield Row("qwen2_window_unused", "qwen2", "ForCausalLM", unused, ("prefill",))
    # Old files name no layer types: transformers derives them.
    yield Row("qwen2_window_old", "qwen2", "ForCausalLM", window, ("prefill",), edit=setter(layer_types=None))


ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "quick_gelu", "swish", "relu2", "gelu_fast", "mish",
               "gelu_10", "gelu_python", "gelu_accurate", "hardswish", "laplace", "leaky_relu", "linear", "relu6",
               "sigmoid", "sqrtsoftplus", "tanh", "gelu_python_tanh")


def activation_rows():
    families = (("llama", "ForCausalLM", "prefill"), ("bert", "ForMaskedLM", "types"),
                ("vit", "ForImageClassification", "image"))
    for index, name in enumerate(ACTIVATIONS):
        family, head, program = families[index % 3] if index > 4 else families[index % 2]
        yield Row(f"{family}_act_{name}", family, head, dict(hidden_act=name, num_hidden_layers=1), (program,))
    yield Row("vit_act_relu", "vit", "ForImageClassification", dict(hidden_act="relu"), ("image",))
    yield Row("mistral_act_gelu", "mistral", "ForCausalLM", dict(hidden_act="gelu"), ("prefill",))


def output_rows():
    """Output flags of config.json: caches, hidden states, attentions, tuples."""
    families = (("llama", "ForCausalLM", "prefill"), ("qwen3", "Model", "prefill"), ("bert", "Model", "types"),
                ("vit", "ForImageClassification", "image"))
    for family, head, program in families:
        yield Row(f"{family}_hidden_states", family, head, {}, (program,), edit=setter(output_hidden_states=True))
        yield Row(f"{family}_attentions", family, head, {}, (program,), edit=setter(output_attentions=True),
                  attention="eager")
    # With return_dict false in the config, transformers' own heads fail; its base models answer with a tuple.
    for family, program in (("llama", "prefill"), ("bert", "types"), ("vit", "image")):
        yield Row(f"{family}_tuple", family, "Model", {}, (program,), edit=setter(return_dict=False))
    yield Row("bert_all_outputs", "bert", "ForTokenClassification", dict(num_labels=3), ("types",),
              edit=setter(output_attentions=True, output_hidden_states=True), attention="eager")
    for family in ("llama", "mistral", "qwen2"):
        yield Row(f"{family}_no_cache", family, "ForCausalLM", {}, ("prefill",), edit=setter(use_cache=False))


def dtype_rows():
    short = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}
    for dtype in ("bfloat16", "float16"):
        for family, head, program in (("llama", "ForCausalLM", "prefill"), ("qwen3", "ForCausalLM", "prefill"),
                                      ("bert", "ForMaskedLM", "types"), ("vit", "ForImageClassification", "image"),
                                      ("mistral", "ForSequenceClassification", "prefill")):
            yield Row(f"{family}_{short[dtype]}", family, head, {}, (program,), dtype=dtype)
    for source, target in (("float32", "float16"), ("float32", "bfloat16"), ("bfloat16", "float16"),
                           ("bfloat16", "float32"), ("float16", "float32")):
        is_decoder = source != "float32"
        family, head, program = ("qwen3", "ForCausalLM", "prefill") if is_decoder else ("bert", "Model", "types")
        yield Row(f"{family}_{short[source]}_to_{short[target]}", family, head, {}, (program,), dtype=source,
                  cast=target)


def rename_prefix(old, new):
    return lambda tensors: {new + k[len(old):] if k.startswith(old) else k: v for k, v in tensors.items()}


def legacy_layer_norm(tensors):
    """The names of BERT's first release: gamma and beta."""
    spellings = (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta"))
    for new, old in spellings:
        tensors = {name.replace(new, old): value for name, value in tensors.items()}
    return tensors


def with_rotary_buffers(tensors):
    import torch
    return {**tensors, **{f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.arange(4.0) for i in range(2)}}


def with_position_buffers(tensors):
    import torch
    return {**tensors, "bert.embeddings.position_ids": torch.arange(64)[None]}


def file_rows():
    """Layouts of the checkpoint's files and spellings of its config."""
    tied = dict(tie_word_embeddings=True)
    for family in DECODERS:
        yield Row(f"{family}_tied", family, "ForCausalLM", tied, ("prefill",))
    yield Row("bert_untied", "bert", "ForMaskedLM", dict(tie_word_embeddings=False), ("types",))
    yield Row("llama_sharded", "llama", "ForCausalLM", {}, ("prefill",), shard=True)
    yield Row("bert_sharded", "bert", "ForMaskedLM", {}, ("types",), shard=True)
    yield Row("llama_base_under_head", "llama", "ForCausalLM", tied, ("prefill",), rename=rename_prefix("model.", ""))
    yield Row("llama_head_under_base", "llama", "ForCausalLM", {}, ("prefill",), load_as="Model",
              edit=setter(architectures=["LlamaModel"]))
    yield Row("bert_head_under_base", "bert", "ForSequenceClassification", {}, ("types",), load_as="Model",
              edit=setter(architectures=["BertModel"]))
    yield Row("bert_surplus_heads", "bert", "ForPreTraining", {}, ("types",), load_as="ForMaskedLM",
              edit=setter(architectures=["BertForMaskedLM"]))
    yield Row("bert_legacy_names", "bert", "ForMaskedLM", {}, ("types",), rename=legacy_layer_norm)
    yield Row("bert_position_buffer", "bert", "ForMaskedLM", {}, ("types",), rename=with_position_buffers)
    yield Row("llama_rotary_buffers", "llama", "ForCausalLM", {}, ("prefill",), rename=with_rotary_buffers)
    yield Row("llama_torch_dtype", "llama", "ForCausalLM", {}, ("prefill",), dtype="bfloat16",
              edit=setter(dtype=None, torch_dtype="bfloat16"))
    yield Row("llama_sparse_config", "llama", "ForCausalLM",
              dict(num_key_value_heads=4, bos_token_id=1, eos_token_id=2, rms_norm_eps=1e-6), ("prefill",),
              edit=setter(num_key_value_heads=None, head_dim=None, attention_bias=None, mlp_bias=None,
                          rope_parameters=None, tie_word_embeddings=None, dtype=None, hidden_act=None,
                          pretraining_tp=None, transformers_version=None, attention_dropout=None))
    yield Row("llama_no_pad_token", "llama", "ForSequenceClassification", dict(pad_token_id=None), ("single",))
    yield Row("bert_types_one", "bert", "Model", dict(type_vocab_size=1, max_position_embeddings=48), ("types",))
    yield Row("bert_types_three", "bert", "ForTokenClassification", dict(type_vocab_size=3, num_labels=2), ("types",))
    yield Row("bert_wide_heads", "bert", "Model", dict(hidden_size=48, num_attention_heads=3, layer_norm_eps=1e-5),
              ("types",))
    yield Row("bert_regression", "bert", "ForSequenceClassification", dict(num_labels=1), ("types",))
    yield Row("vit_rectangle", "vit", "ForImageClassification", dict(image_size=[32, 48], patch_size=[8, 16]),
              ("image",))
    yield Row("vit_rectangle_base", "vit", "Model", dict(image_size=[48, 32], patch_size=8), ("image",))
    yield Row("vit_no_qkv_bias", "vit", "ForImageClassification", dict(qkv_bias=False), ("image",))
    yield Row("vit_gray", "vit", "ForImageClassification", dict(num_channels=1), ("image",))
    yield Row("vit_four_channels", "vit", "Model", dict(num_channels=4, image_size=24), ("image",))
    yield Row("vit_pooler", "vit", "Model", dict(pooler_output_size=20, pooler_act="relu"), ("image",))
    yield Row("vit_one_patch", "vit", "Model", dict(image_size=8, patch_size=8), ("image",))


def rows():
    result = [row for part in (head_rows, attention_rows, rope_rows, activation_rows, output_rows, dtype_rows,
                               file_rows) for row in part()]
    names = [row.name for row in result]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    return result
