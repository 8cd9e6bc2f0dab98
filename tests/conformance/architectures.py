"""Tiny checkpoints of architectures that the native zoo lacks (and of some that it has), with inputs at two shapes."""

from dataclasses import dataclass, field

import torch
from case import GROUPED, SEQ2SEQ, TEXT

IMAGE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
         "image_size": 32, "patch_size": 8, "num_labels": 5}


@dataclass
class Architecture:
    model_type: str
    class_name: str
    overrides: dict = field(default_factory=dict)
    inputs: str = "text"  # text, seq2seq, image, audio, speech, image_text
    onnx: bool = True


ARCHITECTURES = [
    Architecture("llama", "LlamaForCausalLM", {**GROUPED, "rope_parameters": {
        "rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}}),
    Architecture("bert", "BertForMaskedLM", TEXT),
    Architecture("gpt2", "GPT2LMHeadModel", {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4,
                                             "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2}),
    Architecture("gpt_neox", "GPTNeoXForCausalLM", TEXT, onnx=False),
    Architecture("opt", "OPTForCausalLM", {**TEXT, "ffn_dim": 48, "word_embed_proj_dim": 32}, onnx=False),
    Architecture("bloom", "BloomForCausalLM", {"vocab_size": 99, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    Architecture("phi3", "Phi3ForCausalLM", {**GROUPED, "original_max_position_embeddings": 64}, onnx=False),
    Architecture("gemma2", "Gemma2ForCausalLM", {**GROUPED, "sliding_window": 6}),
    Architecture("gemma3_text", "Gemma3ForCausalLM", {**GROUPED, "sliding_window": 6}, onnx=False),
    Architecture("olmo2", "Olmo2ForCausalLM", GROUPED, onnx=False),
    Architecture("mixtral", "MixtralForCausalLM", {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}),
    Architecture("qwen2_moe", "Qwen2MoeForCausalLM", {
        **GROUPED, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 24}, onnx=False),
    Architecture("roberta", "RobertaForMaskedLM", TEXT, onnx=False),
    Architecture("albert", "AlbertForMaskedLM", {**TEXT, "embedding_size": 16}),
    Architecture("distilbert", "DistilBertForMaskedLM", {
        "vocab_size": 99, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64,
        "pad_token_id": 0}, onnx=False),
    Architecture("electra", "ElectraForPreTraining", {**TEXT, "embedding_size": 16}, onnx=False),
    Architecture("mpnet", "MPNetForMaskedLM", TEXT, onnx=False),
    Architecture("t5", "T5ForConditionalGeneration", {
        "vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "pad_token_id": 0,
        "decoder_start_token_id": 0}, "seq2seq"),
    Architecture("bart", "BartForConditionalGeneration", SEQ2SEQ, "seq2seq", onnx=False),
    Architecture("whisper", "WhisperForConditionalGeneration", {
        **SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 32}, "speech"),
    Architecture("vit", "ViTForImageClassification", IMAGE),
    Architecture("deit", "DeiTForImageClassification", IMAGE, "image", onnx=False),
    Architecture("dinov2", "Dinov2Model", IMAGE, "image"),
    Architecture("resnet", "ResNetForImageClassification", {
        "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}, "image"),
    Architecture("convnext", "ConvNextForImageClassification", {"hidden_sizes": [8, 16], "depths": [1, 1],
                                                                "num_stages": 2}, "image", onnx=False),
    Architecture("swin", "SwinForImageClassification", {
        "image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4},
        "image", onnx=False),
    Architecture("segformer", "SegformerForSemanticSegmentation", {
        "num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [16, 32],
        "patch_sizes": [7, 3], "strides": [4, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2],
        "decoder_hidden_size": 16}, "image"),
    Architecture("wav2vec2", "Wav2Vec2ForCTC", {
        **TEXT, "conv_dim": [16, 16], "conv_kernel": [8, 4], "conv_stride": [4, 2], "num_feat_extract_layers": 2,
        "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4}, "audio"),
    Architecture("hubert", "HubertForCTC", {
        **TEXT, "conv_dim": [16, 16], "conv_kernel": [8, 4], "conv_stride": [4, 2], "num_feat_extract_layers": 2,
        "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4}, "audio", onnx=False),
]
for _architecture in ARCHITECTURES:
    if _architecture.model_type == "vit":
        _architecture.inputs = "image"


def make_inputs(architecture, config, batch, length, seed):
    """Forward kwargs for a batch and a length (of tokens, samples or target tokens)."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, 90, (batch, length), generator=generator)
    if architecture.inputs == "text":
        mask = torch.ones(batch, length, dtype=torch.int64)
        mask[0, :1] = 0
        return {"input_ids": tokens, "attention_mask": mask}
    if architecture.inputs == "seq2seq":
        decoder_tokens = tokens[:, :-2].contiguous()
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "decoder_input_ids": decoder_tokens}
    if architecture.inputs == "image":
        size = getattr(config, "image_size", 32)
        return {"pixel_values": torch.randn(batch, 3, size, size, generator=generator)}
    if architecture.inputs == "speech":
        return {"input_features": torch.randn(batch, 8, 40, generator=generator), "decoder_input_ids": tokens}
    return {"input_values": torch.randn(batch, 100 * length, generator=generator)}


def build(architecture):
    """The model with random weights, in evaluation mode."""
    import transformers

    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(architecture.model_type, **architecture.overrides)
    config.architectures = [architecture.class_name]
    model = getattr(transformers, architecture.class_name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # zeros and ones would hide a misplaced weight
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    return model
