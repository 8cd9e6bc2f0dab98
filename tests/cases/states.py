"""States of recurrences and convolutions: prompts of any length, the step behind them, caches that slide."""

import copy

from case import GROUPED, Case, step, text, tiny

IDS = {"vocab_size": 99, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
MAMBA = {**IDS, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2, "conv_kernel": 4, "expand": 2,
         "time_step_rank": 4}
MAMBA2 = {**IDS, "hidden_size": 32, "state_size": 8, "num_hidden_layers": 2, "conv_kernel": 4, "expand": 2,
          "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 8}
LFM2 = {**GROUPED, "conv_L_cache": 3, "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}
DELTA = {**GROUPED, "max_position_embeddings": 512, "linear_num_value_heads": 4, "linear_num_key_heads": 2,
         "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
         "layer_types": ["linear_attention", "full_attention"]}
NEXT = {**DELTA, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16}
MINIMAX = {**GROUPED, "block_size": 8, "num_local_experts": 4, "num_experts_per_tok": 2,
           "layer_types": ["linear_attention", "full_attention"]}
GEMMA3 = {**GROUPED, "num_hidden_layers": 3, "sliding_window": 6, "query_pre_attn_scalar": 8,
          "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}

MODELS = {
    "mamba": tiny("mamba", "MambaForCausalLM", **MAMBA),
    "mamba2": tiny("mamba2", "Mamba2ForCausalLM", **MAMBA2),
    "lfm2": tiny("lfm2", "Lfm2ForCausalLM", **LFM2),
    "qwen3_5": tiny("qwen3_5_text", "Qwen3_5ForCausalLM", **DELTA),
    "qwen3_next": tiny("qwen3_next", "Qwen3NextForCausalLM", **NEXT),
    "minimax": tiny("minimax", "MiniMaxForCausalLM", **MINIMAX),
    "gemma3": tiny("gemma3_text", "Gemma3ForCausalLM", **GEMMA3),
}
NAMES = ("past_key_values", "cache_params", "cache")


def behind(batch, past, length=1, padding=None):
    """Tokens behind a prompt that the model itself has read: a function of the model."""
    def call(model):
        import torch
        from transformers.exporters.utils import get_leaf_tensors

        prompt = text(batch, past, padding)
        with torch.no_grad():
            output = copy.deepcopy(model)(**prompt, use_cache=True)
        name = next(name for name in NAMES if getattr(output, name, None) is not None)
        leaves = get_leaf_tensors({name: getattr(output, name)})
        new = text(batch, length, seed=7)
        return {"input_ids": new["input_ids"],
                "attention_mask": torch.cat([prompt["attention_mask"], new["attention_mask"]], dim=1),
                **{leaf: value.contiguous() for leaf, value in leaves.items() if "_sliding_window" not in leaf}}

    return call


def all_behind(*sizes):
    return lambda model: [behind(*one)(model) for one in sizes]


SHORT = [text(1, 1), text(2, 2), text(1, 3, "left"), text(3, 4), text(1, 17, "left")]
CHUNKS = [text(1, 1), text(2, 63), text(1, 64), text(3, 65, "left"), text(1, 128), text(2, 150, "left")]

CASES = [
    *[Case(f"{name}-short", MODELS[name], sample=text(2, 8), calls=SHORT) for name in ("mamba", "mamba2", "lfm2")],
    *[Case(f"{name}-lengths", MODELS[name], calls=CHUNKS) for name in ("qwen3_5", "qwen3_next")],
    Case("qwen3_5-long-sample", MODELS["qwen3_5"], sample=text(2, 150), calls=[text(1, 8), text(1, 200)]),
    Case("minimax-lengths", MODELS["minimax"], calls=[text(1, 1), text(1, 9), text(2, 8), text(3, 20, "left")]),
    *[Case(f"{name}-step", MODELS[name], sample=behind(2, 6), calls=all_behind((1, 9), (3, 2), (2, 5, 1, "left")))
      for name in ("mamba", "mamba2", "lfm2", "qwen3_5", "qwen3_next")],
    Case("qwen3_5-several-behind", MODELS["qwen3_5"], sample=behind(2, 6, 3), calls=all_behind((1, 9, 1), (3, 70, 7))),
    Case("mamba-several-behind", MODELS["mamba"], sample=behind(2, 6, 3), unsupported="one token at a time"),
    Case("gemma3-decode-past-window", MODELS["gemma3"], sample=step(2, 4, heads=2, layers=3),
         calls=all_behind((1, 3), (2, 5), (1, 5, 1, "left"), (3, 5, 2))),  # leaves do not tell what has left a layer
]
