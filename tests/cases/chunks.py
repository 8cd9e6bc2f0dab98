"""Models that work in blocks, chunks and windows of a sequence: shorter than one, whole ones, and between."""

import torch
from case import SEQ2SEQ, TEXT, Case, ids, noise, source_and_target, text, tiny

LONG = {**TEXT, "max_position_embeddings": 160}
BIG_BIRD = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}  # sparse above 28 tokens
LED = {name: value for name, value in SEQ2SEQ.items() if name != "max_position_embeddings"}
LONG_T5 = {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 2,
           "num_heads": 4, "local_radius": 7, "global_block_size": 4, "pad_token_id": 0, "decoder_start_token_id": 0,
           "eos_token_id": 1}
REFORMER = {"vocab_size": 99, "hidden_size": 32, "num_attention_heads": 4, "attention_head_size": 8,
            "feed_forward_size": 48, "max_position_embeddings": 128, "axial_pos_shape": [8, 16],
            "axial_pos_embds_dim": [16, 16], "pad_token_id": 0, "eos_token_id": 2, "hash_seed": 3, "num_buckets": 4,
            "lsh_attn_chunk_length": 4, "local_attn_chunk_length": 8, "is_decoder": False}
DEEPSEEK = {**TEXT, "num_key_value_heads": 4, "moe_intermediate_size": 16, "q_lora_rank": 24, "kv_lora_rank": 24,
            "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4,
            "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1, "index_head_dim": 16,
            "index_n_heads": 24, "index_topk": 8}
DEEPSEEK_V4 = {**TEXT, "num_key_value_heads": 1, "head_dim": 16, "qk_rope_head_dim": 4, "partial_rotary_factor": 0.25,
               "q_lora_rank": 24, "o_lora_rank": 24, "o_groups": 4, "moe_intermediate_size": 16, "n_routed_experts": 4,
               "num_experts_per_tok": 2, "index_head_dim": 16, "index_n_heads": 8, "index_topk": 16,
               "sliding_window": 4, "mlp_layer_types": ["moe", "moe"],
               "layer_types": ["heavily_compressed_attention", "compressed_sparse_attention"],
               "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 8}}
ENCODEC = {"num_filters": 4, "hidden_size": 16, "upsampling_ratios": [4, 2], "codebook_size": 16, "codebook_dim": 16,
           "num_lstm_layers": 1, "sampling_rate": 8000, "target_bandwidths": [4.0]}


def marked(batch, length, *places, padding=None):
    """Text with a global_attention_mask: the places of each sample."""
    flat = text(batch, length, padding)
    mask = torch.zeros(batch, length, dtype=torch.int64)
    for row, columns in zip(mask, places):
        row[columns] = 1
    return {**flat, "global_attention_mask": mask}


def question(batch, length, ends):
    """Tokens with three separators in each sample, the first where the question ends."""
    tokens = ids(batch, length)
    for row, end in zip(tokens, ends):
        row[[end, end + 1, length - 1]] = 2
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


def sound(batch, samples, padded=None):
    flat = {"input_values": noise(batch, 1, samples)}
    if padded is not None:
        flat["padding_mask"] = torch.ones(batch, samples, dtype=torch.int64)
        flat["padding_mask"][0, samples - padded:] = 0
    return flat


def with_decoder(flat, target):
    return {**flat, "decoder_input_ids": ids(len(flat["input_ids"]), target, seed=4)}


TEXTS = [text(1, 1), text(2, 9, "right"), text(1, 16), text(3, 17, "left"), text(1, 100)]
CASES = [
    Case("bigbird-both-sides", tiny("big_bird", "BigBirdForMaskedLM", **LONG, **BIG_BIRD),
         calls=[text(1, 1), text(2, 28, "right"), text(1, 29), text(3, 32, "left"), text(1, 101)]),
    Case("bigbird-long-sample", tiny("big_bird", "BigBirdForTokenClassification", **LONG, **BIG_BIRD),
         sample=text(2, 64, "right"), calls=[text(1, 8), text(3, 28), text(1, 35), text(2, 101, "left")]),
    Case("bigbird-pegasus", tiny("bigbird_pegasus", "BigBirdPegasusForConditionalGeneration",
                                 **{**SEQ2SEQ, "max_position_embeddings": 160}, **BIG_BIRD),
         sample=source_and_target(2, 8, 4),
         calls=[source_and_target(1, 3, 1), source_and_target(3, 29, 5, "right"), source_and_target(1, 101, 2)]),
    Case("deepseek_v32-below-top-k", tiny("deepseek_v32", "DeepseekV32ForCausalLM", **DEEPSEEK), sample=text(2, 12),
         calls=[text(1, 1), text(2, 3, "left"), text(1, 8), text(3, 9)]),
    Case("deepseek_v4-windows", tiny("deepseek_v4", "DeepseekV4ForCausalLM", **DEEPSEEK_V4), sample=text(2, 6),
         calls=[text(1, 4), text(2, 7), text(1, 8), text(3, 17, "left"), text(1, 40), text(1, 3)],
         refused={5: "at least 4 long"}),
    Case("longformer-masked-lm", tiny("longformer", "LongformerForMaskedLM", **LONG, attention_window=[8, 4]),
         sample=text(2, 16), calls=TEXTS),
    Case("longformer-classes", tiny("longformer", "LongformerForSequenceClassification", **LONG,
                                    attention_window=[8, 8]), calls=TEXTS),
    Case("longformer-questions", tiny("longformer", "LongformerForQuestionAnswering", **LONG, sep_token_id=2,
                                      attention_window=[8, 8]), sample=question(2, 12, [3, 5]),
         calls=[question(1, 40, [30]), question(3, 8, [1, 2, 4])]),
    Case("longformer-global-tokens", tiny("longformer", "LongformerModel", **LONG, attention_window=[8, 4]),
         sample=marked(2, 24, [0], [0, 5]),
         calls=[marked(1, 33, [0, 1, 2, 20]), marked(2, 16, [0], [0], padding="right"),
                marked(3, 5, [4], [], [1, 2, 3]), marked(2, 9, [], []), marked(1, 2, [0, 1])]),
    Case("led-global-tokens", tiny("led", "LEDForConditionalGeneration", **LED, attention_window=[8, 4],
                                   max_encoder_position_embeddings=160, max_decoder_position_embeddings=64),
         sample=with_decoder(marked(2, 16, [0], [0]), 4),
         calls=[with_decoder(marked(1, 33, [0, 1, 20]), 1), with_decoder(marked(3, 5, [4], [], [1, 2]), 6),
                with_decoder(marked(2, 40, [0], [3], padding="right"), 2)]),
    Case("longt5-blocks", tiny("longt5", "LongT5ForConditionalGeneration", **LONG_T5,
                               encoder_attention_type="transient-global"), sample=source_and_target(2, 6, 4),
         calls=[source_and_target(1, 1, 1), source_and_target(3, 3, 2, "right"), source_and_target(1, 4, 3),
                source_and_target(2, 37, 5, "right"), source_and_target(1, 64, 7)]),
    Case("longt5-radius", tiny("longt5", "LongT5EncoderModel", **LONG_T5), sample=text(2, 16), calls=TEXTS),
    Case("reformer-local", tiny("reformer", "ReformerModel", **REFORMER, attn_layers=["local", "local"],
                                local_num_chunks_after=1), sample=text(2, 8), calls=TEXTS),
    Case("reformer-hashed", tiny("reformer", "ReformerForQuestionAnswering", **REFORMER, attn_layers=["lsh", "local"],
                                 num_hashes=2), sample=text(2, 13), calls=TEXTS),
    Case("encodec-lengths", tiny("encodec", "EncodecModel", **ENCODEC), sample=sound(2, 160),
         calls=[sound(1, 161), sound(3, 8), sound(1, 3), sound(2, 47)]),
    Case("encodec-mask", tiny("encodec", "EncodecModel", **ENCODEC, norm_type="time_group_norm", normalize=True,
                              use_causal_conv=False), sample=sound(2, 163, 20),
         calls=[sound(1, 161, 1), sound(2, 160, 50), sound(1, 3, 1)]),
]
