"""Tiny configs: every size that a config names is cut down, one layer of each kind is kept."""

import dataclasses
import re

import transformers
from overrides import CONFIG, VARIANTS, Sub
from transformers.configuration_utils import PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

VOCAB, SPECIAL = 160, 100  # ordinary tokens are 3..99, image/audio/... placeholder tokens are 100..159


def rule(value, *names):
    return {name: value for name in names}


# An integer attribute of this name becomes at most this.
CAPS = {
    **rule(64, "hidden_size", "d_model", "n_embd", "embed_dim", "emb_dim", "hidden_dim", "embedding_size", "dim",
           "word_embed_proj_dim", "out_hidden_size", "projection_dim", "text_hidden_size", "text_embed_dim",
           "decoder_hidden_size", "encoder_hidden_size", "output_dim", "vision_hidden_size", "audio_hidden_size",
           "projector_hidden_size", "fusion_hidden_size", "lru_width", "attention_hidden_size", "output_hidden_size",
           "embedding_dim", "pooler_output_size", "hidden_size_global", "projection_size", "d_embed", "d_inner",
           "context_dim", "cross_attention_hidden_size", "vision_output_dim", "fpn_hidden_size", "encoder_hidden_dim",
           "iou_head_hidden_dim", "memory_attention_hidden_size", "memory_encoder_hidden_size",
           "mask_downsampler_embed_dim", "memory_fuser_embed_dim", "output_channels", "feature_size",
           "backbone_hidden_size", "decoder_hidden_dim", "patch_embed_hidden_size", "vision_embed_dim",
           "vocab_hidden_size", "text_config_hidden_size", "share_hidden_size", "conv_out_dim", "reduction_dim",
           "llm_hidden_size", "mask_feature_size", "feature_strides_dim", "image_embedding_size", "qformer_hidden_size",
           "adapter_out_dim", "output_proj_dim", "transformer_dim", "audio_embed_dim", "head_hidden_size",
           "pretrain_hidden_size", "text_encoder_hidden_size", "codec_hidden_size", "model_dim", "embed_dims"),
    **rule(96, "intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner", "d_ff",
           "ffn_hidden_size", "dim_feedforward", "mlp_dim", "feed_forward_proj_dim", "intermediate_dim",
           "shared_intermediate_size", "decoder_intermediate_size", "encoder_intermediate_size",
           "memory_attention_feed_forward_hidden_size", "memory_fuser_intermediate_dim", "mlp_hidden_size",
           "dense_intermediate_size", "block_ff_dim", "encoder_ffn_hidden_dim", "intermediate_size_mlp", "ffn_size",
           "decoder_mlp_dim", "vision_intermediate_size", "conv_dim_ff", "attention_intermediate_size"),
    **rule(32, "moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size",
           "moe_shared_expert_intermediate_size", "moe_ffn_hidden_size", "expert_dim", "ffn_expert_size",
           "share_expert_dim", "moe_latent_size", "zero_expert_dim"),
    **rule(2, "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers",
           "num_encoder_layers", "num_decoder_layers", "e_layers", "d_layers", "depth", "layers", "num_blocks",
           "decoder_depth", "decoder_num_hidden_layers", "encoder_num_hidden_layers", "memory_attention_num_layers",
           "memory_fuser_num_layers", "decoder_num_layers", "detector_layers", "mask_decoder_num_layers",
           "num_conformer_layers", "num_fusion_layers", "resampler_depth", "bert_layers", "num_text_layers",
           "decoder_num_transformer_layers", "speech_decoder_prenet_layers", "depth_decoder_layers"),
    **rule(4, "num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads",
           "decoder_attention_heads", "num_encoder_attention_heads", "num_decoder_attention_heads",
           "decoder_num_attention_heads", "encoder_num_attention_heads", "attention_heads", "resampler_n_heads",
           "swa_num_attention_heads", "index_n_heads", "linear_num_value_heads", "num_head", "linear_num_heads",
           "cross_attention_num_heads", "memory_attention_num_attention_heads", "num_linear_heads",
           "nheads", "num_attention_head", "attention_head", "decoder_num_heads", "encoder_num_heads"),
    **rule(2, "num_key_value_heads", "num_kv_heads", "n_head_kv", "num_global_key_value_heads", "kv_heads",
           "multi_query_group_num", "swa_num_key_value_heads", "linear_num_key_heads", "n_kv_heads",
           "num_ln_in_parallel_attn_"),
    **rule(16, "head_dim", "v_head_dim", "qk_nope_head_dim", "swa_head_dim", "swa_v_head_dim", "linear_key_head_dim",
           "linear_value_head_dim", "d_kv", "global_head_dim", "attention_head_dim", "dim_head", "d_head",
           "linear_head_dim", "resampler_head_dim", "index_head_dim", "kv_channels", "attention_head_size",
           "latent_attention_head_dim", "decoder_head_dim"),
    **rule(8, "qk_rope_head_dim", "rotary_dim", "lightning_rotary_dim"),
    **rule(24, "q_lora_rank", "kv_lora_rank", "o_lora_rank", "qkv_lora_rank"),
    **rule(8, "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "n_experts"),
    **rule(2, "num_experts_per_tok", "num_experts_per_token", "moe_k", "top_k_experts", "moe_topk", "n_group",
           "moe_top_k", "num_selected_experts", "expert_num_per_tok", "num_expert_groups"),
    **rule(1, "topk_group", "first_k_dense_replace", "n_shared_experts", "max_window_layers", "moe_layer_start_index",
           "num_nextn_predict_layers", "num_kv_shared_layers", "moe_topk_group", "num_dense_layers"),
    **rule(VOCAB, "vocab_size", "vocab_size_per_layer_input", "text_vocab_size", "unpadded_vocab_size"),
    **rule(128, "max_position_embeddings", "n_positions", "n_ctx", "max_target_positions", "max_seq_len",
           "max_sequence_length", "context_length", "max_pos_emb", "max_2d_position_embeddings",
           "max_context_length", "max_seq_length", "max_text_positions"),
    **rule(30, "max_source_positions"),
    **rule(16, "num_mel_bins", "mel_bins", "n_mels", "num_mel_filters"),
    **rule(4, "sliding_window", "sliding_window_size", "attention_window_size", "window_size_text"),
    **rule(8, "attention_chunk_size", "local_attention", "chunk_size", "mamba_chunk_size", "local_radius",
           "global_block_size", "block_size_", "index_topk", "chunk_length_"),
    **rule(32, "image_size", "input_size", "pretrain_image_size", "img_size", "crop_size", "max_img_size"),
    **rule(8, "patch_size"),
    **rule(16, "num_position_embeddings"),
    **rule(8, "mamba_d_state", "state_size", "ssm_state_size", "mamba_state_dim"),
    **rule(16, "mamba_d_head", "mamba_head_dim", "mamba_headdim", "mamba_ssm_head_dim"),
    **rule(8, "mamba_n_heads", "mamba_num_heads", "n_mamba_heads_"),
    **rule(2, "mamba_n_groups", "n_groups", "mamba_ngroups"),
    **rule(8, "time_step_rank", "mamba_dt_rank"),
    **rule(16, "downsample_hidden_size"),
    **rule(4, "n_window"),
    **rule(16, "n_window_infer"),
    **rule(32, "codebook_size", "num_embeddings"),
    **rule(8, "codebook_dim"),
    **rule(2, "num_quantizers", "num_codebooks", "n_codebooks"),
    **rule(16, "num_filters", "upsample_initial_channel", "embedding_channels"),
    **rule(16, "num_conv_pos_embeddings"),
    **rule(4, "num_conv_pos_embedding_groups"),
    **rule(16, "hidden_size_per_layer_input", "classifier_proj_size", "tdnn_dim", "hidden_channels"),
    **rule(16, "conv_channels", "subsampling_conv_channels", "conv_depthwise_kernel_size_"),
    **rule(9, "num_queries", "num_query_tokens", "num_denoising"),
    **rule(4, "num_frames", "num_patches_"),
    **rule(5, "num_classes"),
}
KV_NAMES = {"num_key_value_heads", "num_kv_heads", "n_head_kv", "kv_heads", "n_kv_heads", "swa_num_key_value_heads"}
LAYER_COUNTS = ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "depth"]


SCALED = re.compile(r"(hidden_sizes|channels|_dims|^dims|channel_list|widths|embed_dim_per_stage|layer_dims|"
                    r"neck_hidden_sizes|"
                    r"block_dims|out_channels|feature_dims|^embed_dim|in_channels|expanded_dims)$")
CONVS = re.compile(r"^(conv_dim|tdnn_dim|num_filters)$")
DEPTHS = re.compile(r"^(depths|stage_num_blocks|blocks_per_stage|num_block_repeats|num_layers|depth|"
                    r"stage_numb_of_layers|num_blocks)$")
HEAD_LISTS = re.compile(r"^(num_heads|num_attention_heads|num_attention_heads_per_stage|encoder_num_heads)$")


def shrink_list(name, value):
    """Per-stage lists: scale widths so that the first stage has 16 channels, keep one or two blocks per stage."""
    if not value or not all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in value):
        return value
    make = type(value)
    if DEPTHS.search(name):
        return make(min(v, 2 if i < 2 else 1) for i, v in enumerate(value))
    if HEAD_LISTS.search(name):
        return make(v // value[0] for v in value) if all(v % value[0] == 0 for v in value) else value
    if CONVS.search(name):
        return make(min(v, 16) for v in value)
    if SCALED.search(name) and max(value) > 32:
        first = min((v for v in value if v > 3), default=1)
        return make(v if v <= 3 else min(96, max(8, round(v * 16 / first / 8) * 8)) for v in value)
    return value


def special_token(value, table):
    if not isinstance(value, int) or isinstance(value, bool) or 0 <= value < SPECIAL or value == -1:
        return value
    if value not in table:
        table[value] = SPECIAL + len(table) % (VOCAB - SPECIAL)
    return table[value]


def pick_layers(config, kwargs):
    """Indices of the layers kept: one of every kind the per-layer lists name, at least two."""
    count = next((getattr(config, n) for n in LAYER_COUNTS if isinstance(getattr(config, n, None), int)), 0)
    lists = {n: v for n, v in kwargs.items() if isinstance(v, (list, tuple)) and len(v) == count and count > 2
             and not re.search(r"sizes|channels|dims?$|depths|strides|kernel|index|layers_idx", n)}
    if not lists:
        return None, {}
    seen, keep = set(), []
    for i, kind in enumerate(zip(*(map(str, v) for v in lists.values()))):
        if kind not in seen:
            seen.add(kind)
            keep.append(i)
    if len(keep) > 6:  # e.g. a per-layer size: no kinds to cover
        keep = keep[:2]
    while len(keep) < 2:
        keep.append(next(i for i in range(count) if i not in keep))
    keep.sort()
    return keep, lists


def shrink(config, tokens, has_equal_heads):
    """Constructor kwargs for a tiny version of `config`, sub-configs included."""
    fields = {f.name: f for f in dataclasses.fields(config)}
    kwargs = {}
    for name, field in fields.items():
        if name.startswith("_") or name in ("architectures", "id2label", "label2id", "dtype", "transformers_version",
                                            "problem_type", "chunk_size_feed_forward"):
            continue
        try:
            kwargs[name] = getattr(config, name)
        except Exception:
            continue
    keep, lists = pick_layers(config, kwargs)
    for name, value in list(kwargs.items()):
        default = fields[name].default
        if isinstance(value, PreTrainedConfig):
            kwargs[name] = build(type(value), value, tokens, has_equal_heads=has_equal_heads, is_part=True)
            continue
        if name in lists:
            kwargs[name] = [value[i] for i in keep]
            continue
        if re.search(r"(_token_id|_token_index|_token_ids|_token)$", name):
            if isinstance(value, (list, tuple)):
                kwargs[name] = [special_token(v, tokens) for v in value]
            else:
                kwargs[name] = special_token(value, tokens)
            continue
        if default is None and isinstance(value, int) and name in ("head_dim", "num_key_value_heads", "d_inner",
                                                                    "intermediate_size", "n_inner", "v_head_dim",
                                                                    "qk_head_dim"):
            kwargs[name] = None  # derived from the other sizes
            continue
        if isinstance(value, (list, tuple)):
            new = shrink_list(name, value)
            if new != value:
                kwargs[name] = new
                continue
        cap = CAPS.get(name)
        if name in ("embed_dim", "embedding_size_") and isinstance(kwargs.get("num_heads"), (list, tuple)):
            cap = 16  # Swin: the width doubles at every stage
        if name in KV_NAMES and has_equal_heads:
            cap = 4
        if cap is None:
            continue
        if keep is not None and name in LAYER_COUNTS:
            kwargs[name] = len(keep)
        elif isinstance(value, int) and not isinstance(value, bool):
            kwargs[name] = min(value, cap)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, int) for v in value):
            kwargs[name] = type(value)(min(v, cap) for v in value)
    rope = kwargs.get("rope_parameters")
    if isinstance(rope, dict) and "mrope_section" in rope:
        kwargs["rope_parameters"] = {**rope, "mrope_section": [2, 3, 3]}
    return kwargs


def merge(kwargs, override):
    """Puts the overrides over the kwargs."""
    for name, value in override.items():
        if isinstance(value, Sub):
            cls = CONFIG_MAPPING[value.model_type]
            over = {**CONFIG.get(value.model_type, {}), **value.values}
            kwargs[name] = build(cls, cls(), {}, override=over)
        elif isinstance(value, dict) and isinstance(kwargs.get(name), PreTrainedConfig):
            sub = kwargs[name]
            sub_kwargs = merge(current_kwargs(sub), value)
            kwargs[name] = type(sub)(**sub_kwargs)
            object.__setattr__(kwargs[name], "_zoo_kwargs", sub_kwargs)
        else:
            kwargs[name] = value
    return kwargs


def current_kwargs(config):
    """The constructor kwargs `build` used for this config."""
    return dict(config.__dict__["_zoo_kwargs"])


def build(cls, default, tokens, override=None, has_equal_heads=False, is_part=False):
    """A tiny config of that class; `tokens` collects the placeholder tokens that were renumbered."""
    kwargs = shrink(default, tokens, has_equal_heads)
    own = getattr(cls, "model_type", "")
    if is_part and own in CONFIG:  # a sub-config takes its own type's overrides too
        kwargs = merge(kwargs, CONFIG[own])
    kwargs = merge(kwargs, override or {})
    config = cls(**kwargs)
    object.__setattr__(config, "_zoo_kwargs", kwargs)
    return config


def strip_marks(config):
    """Takes off what `build` noted on the configs."""
    config.__dict__.pop("_zoo_kwargs", None)
    for value in list(vars(config).values()):
        if isinstance(value, PreTrainedConfig):
            strip_marks(value)


def tiny_config(row, has_equal_heads):
    """The config of one checkpoint; `has_equal_heads`: as many key and value heads as heads."""
    model_type, class_name, *names = row
    cls = getattr(transformers, class_name).config_class
    if not isinstance(cls, type) or cls.model_type == "":
        cls = CONFIG_MAPPING[model_type]
    key = f"{model_type}/{class_name}"
    override = {**CONFIG.get(cls.model_type, {}), **CONFIG.get(key, {})}
    for name in names:
        override.update(VARIANTS[key][name])
    config = build(cls, cls(), {}, override=override, has_equal_heads=has_equal_heads)
    strip_marks(config)
    return config
