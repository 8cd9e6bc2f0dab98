"""16-bit floats with activations of hundreds and thousands, fused operators, and choices among equal scores."""

import re

import torch
from case import FORMATS, GROUPED, TEXT, Case, rewritten, source_and_target, text, tiny

# A result rounded at other places than torch's; what overflows or is added up in 16 bits is off by far more.
ROUNDING = {"float16": 5e-3, "bfloat16": 4e-2}
NO_HEAD_DIM = {name: value for name, value in GROUPED.items() if name != "head_dim"}
GPT2 = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
        "eos_token_id": 2}
T5 = {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "pad_token_id": 0,
      "decoder_start_token_id": 0}
GEMMA3 = {**GROUPED, "sliding_window": 6, "query_pre_attn_scalar": 8,
          "layer_types": ["sliding_attention", "full_attention"]}
TOKENS = [text(2, 8, "left"), text(1, 20), text(3, 13, "right")]
PAIRS = [source_and_target(2, 8, 3, "right"), source_and_target(1, 1, 1), source_and_target(3, 9, 4, "right")]


def loud(make, factor):
    """The same checkpoint with embeddings so many times as large: activations of hundreds, or of thousands."""
    def change(tensors):
        is_table = re.compile(r"embed_tokens|word_embeddings|wte|shared").search
        return {name: tensor * factor if is_table(name) else tensor for name, tensor in tensors.items()}

    return rewritten(make, change)


def narrow(name, model_type, class_name, calls=TOKENS, dtype="float16", factor=1, formats=FORMATS, backend=None,
           frontend="auto", **config):
    """That model with 16-bit weights, beside transformers' own in the same dtype."""
    def reference(folder):
        import transformers

        return getattr(transformers, class_name).from_pretrained(folder, dtype=getattr(torch, dtype))

    short = {"float16": "f16", "bfloat16": "bf16"}[dtype]
    make = tiny(model_type, class_name, **config)
    return Case(f"{short}-{name}", loud(make, factor) if factor != 1 else make, sample=calls[0], calls=calls,
                options={"dtype": dtype, **({"backend": backend} if backend else {}), "frontend": frontend},
                formats=formats, via="program", tolerance=ROUNDING[dtype], reference=reference)


def fused(name, model_type, class_name, **config):
    return Case(f"fused-{name}", tiny(model_type, class_name, **config), sample=TOKENS[0], calls=TOKENS,
                options={"ort_fusions": "cpu"}, formats=("onnx",))


CASES = [
    *[narrow(f"llama-{size}", "llama", "LlamaForCausalLM", factor=factor, **GROUPED)
      for size, factor in (("quiet", 1), ("ordinary", 300), ("loud", 3000))],
    narrow("llama-ordinary-traced", "llama", "LlamaForCausalLM", factor=300, frontend="transformers",
           formats=("executorch",), **GROUPED),
    narrow("llama-ordinary-portable", "llama", "LlamaForCausalLM", factor=300, backend="portable",
           formats=("executorch",), **GROUPED),
    narrow("bert-loud", "bert", "BertModel", factor=3000, **TEXT),
    narrow("bert-loud-portable", "bert", "BertModel", factor=3000, backend="portable", formats=("executorch",), **TEXT),
    narrow("gpt2-ordinary", "gpt2", "GPT2LMHeadModel", factor=300, **GPT2),
    narrow("gemma3-ordinary", "gemma3_text", "Gemma3ForCausalLM", factor=30, **GEMMA3),
    # Parts of these are in float32 by themselves.
    narrow("t5", "t5", "T5ForConditionalGeneration", calls=PAIRS, feed_forward_proj="gated-gelu", **T5),
    narrow("umt5", "umt5", "UMT5ForConditionalGeneration", calls=PAIRS, **T5),
    narrow("olmo2", "olmo2", "Olmo2ForCausalLM", **NO_HEAD_DIM),
    narrow("cohere", "cohere", "CohereForCausalLM", **NO_HEAD_DIM),
    narrow("gptj", "gptj", "GPTJForCausalLM", rotary_dim=4, **GPT2),
    narrow("modernbert", "modernbert", "ModernBertForMaskedLM", global_attn_every_n_layers=2, local_attention=6,
           **{**TEXT, "num_hidden_layers": 3}),
    narrow("bert", "bert", "BertModel", dtype="bfloat16", formats=("dynamo", "onnx"), **TEXT),
    narrow("bert-portable", "bert", "BertModel", dtype="bfloat16", backend="portable", formats=("executorch",), **TEXT),
    fused("gemma", "gemma", "GemmaForCausalLM", **GROUPED),
    fused("gemma2", "gemma2", "Gemma2ForCausalLM", sliding_window=6, query_pre_attn_scalar=8, **GROUPED),
    fused("gemma3", "gemma3_text", "Gemma3ForCausalLM", **GEMMA3),
    fused("qwen3", "qwen3", "Qwen3ForCausalLM", **GROUPED),
    fused("bert", "bert", "BertForMaskedLM", **TEXT),
]
