"""Inputs shorter than a kernel, a window or a sample, of one token and of one sample."""

from case import GROUPED, SEQ2SEQ, TEXT, Case, source_and_target, step, text, tiny

GPT2 = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
        "eos_token_id": 2}
GPTJ = {**GPT2, "rotary_dim": 4}
VITS = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "window_size": 4,
        "ffn_dim": 48, "flow_size": 32, "spectrogram_bins": 33, "noise_scale": 0.0, "noise_scale_duration": 0.0,
        "prior_encoder_num_flows": 1, "prior_encoder_num_wavenet_layers": 2, "duration_predictor_filter_channels": 16,
        "upsample_initial_channel": 32}

CASES = [
    Case("bert-sample-of-one", tiny("bert", "BertForTokenClassification", **TEXT), sample=text(1, 1),
         calls=[text(1, 1), text(2, 8, "right"), text(3, 1)], via="program"),
    Case("gptj-sample-of-one", tiny("gptj", "GPTJForCausalLM", **GPTJ), sample=text(1, 1),
         calls=[text(1, 1), text(2, 8, "left"), text(3, 1)]),
    Case("llama-step-after-empty-cache", tiny("llama", "LlamaForCausalLM", **GROUPED), sample=step(2, 0, 5, heads=2),
         calls=[step(2, 0, 5, heads=2), step(1, 7, heads=2), step(3, 4, 2, 1, heads=2)]),
    Case("bart-one-token", tiny("bart", "BartForConditionalGeneration", **SEQ2SEQ), sample=source_and_target(2, 7, 3),
         calls=[source_and_target(1, 1, 1), source_and_target(3, 9, 1, "right"), source_and_target(1, 1, 5)]),
    Case("vits-below-its-window", tiny("vits", "VitsModel", **VITS), sample=text(2, 9),
         calls=[text(1, 1), text(3, 4), text(1, 5), text(2, 20)]),
]
