"""Config attributes over the generic shrink, by model type (also where the type is a part of another config) or by
"type/Class". A dict for a part is merged into it; `Sub(type, **values)` makes a tiny part of that type."""


class Sub:
    """A part of a config that is of another type than the default one."""

    def __init__(self, model_type, **values):
        self.model_type, self.values = model_type, values


CONFIG = {}
# Settings that the rows above them switch off or never reach, as rows of their own: by "type/Class", values by name.
VARIANTS = {}


def conf(names, **values):
    for name in names.split():
        CONFIG.setdefault(name, {}).update(values)


def variant(row, name, **values):
    VARIANTS.setdefault(row, {})[name] = values


# ---- text
MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
HALF_MROPE = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "mrope_section": [1, 1, 2]}
conf("qwen2_vl_text qwen2_5_vl_text qwen3_vl_text qwen3_vl_moe_text glm4v_text glm_ocr_text glm_image_text "
     "paddleocr_vl_text qwen2_5_omni_text qwen3_omni_moe_text cosmos3_edge_text qwen2_5_omni_talker "
     "qwen3_omni_moe_talker_text", rope_parameters=MROPE)
conf("glm4v_moe_text", rope_parameters=HALF_MROPE)
conf("bamba", attn_layer_indices=[1], num_hidden_layers=3)
conf("jamba", attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1,
     num_hidden_layers=4)
conf("granitemoehybrid", layer_types=["linear_attention", "full_attention", "linear_attention"], num_hidden_layers=3)
conf("recurrent_gemma", num_hidden_layers=3)
conf("falcon_h1", mamba_d_ssm=128, mamba_d_head=16, mamba_n_heads=8)
conf("mamba2", num_heads=8, head_dim=16)
conf("xlstm", embedding_dim=64, num_heads=4, num_blocks=2, chunk_size=8, qk_dim_factor=1.0)
conf("zamba", num_hidden_layers=5, attn_layer_period=2, attn_layer_offset=1, layers_block_type=None,
     attention_hidden_size=None, attention_head_dim=None)
conf("dbrx", attn_config=dict(kv_n_heads=2, clip_qkv=8.0, rope_theta=10000.0), ffn_config=dict(ffn_hidden_size=32))
conf("deepseek_v2", num_experts_per_tok=2, n_group=2, topk_group=1, topk_method="group_limited_greedy",
     first_k_dense_replace=1)
conf("dots1", n_routed_experts=8, num_experts_per_tok=2, n_shared_experts=1, first_k_dense_replace=1, n_group=2,
     topk_group=1)
conf("gpt_neo", attention_types=[[["global", "local"], 1]], num_layers=2, window_size=4)
conf("hunyuan_v1_dense hunyuan_v1_moe ministral nemotron hunyuan_vl_text", head_dim=16)
conf("nemotron", num_key_value_heads=2)
conf("step3p7_text step3p7", sliding_window=4)
conf("lfm2_moe", layer_types=["conv", "full_attention", "conv"], num_hidden_layers=3, num_dense_layers=1)
conf("longcat_flash", zero_expert_num=4, head_dim=8)
conf("gemma3n_text", intermediate_size=96, num_hidden_layers=5, num_kv_shared_layers=2, laurel_rank=8,
     layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention"],
     activation_sparsity_pattern=[0.9, 0.9, 0.0, 0.0, 0.0])
conf("ctrl", dff=96)
conf("cpmant", dim_ff=96, dim_head=16, position_bias_num_buckets=32, position_bias_max_distance=128)
conf("canine", num_hash_buckets=64, max_position_embeddings=128, local_transformer_stride=4)
conf("roc_bert", pronunciation_vocab_size=160, shape_vocab_size=160, pronunciation_embed_dim=16, shape_embed_dim=16)
conf("luke", entity_vocab_size=30, entity_emb_size=32)
conf("mobilebert", embedding_size=32, intra_bottleneck_size=32)
conf("perceiver", num_latents=8, d_latents=64, d_model=64, num_self_attends_per_block=2, num_self_attention_heads=4,
     num_cross_attention_heads=4, output_num_channels=64, max_position_embeddings=32)
conf("reformer", axial_pos_shape=[4, 32], axial_pos_embds_dim=[32, 32], attn_layers=["local", "lsh"], hash_seed=0,
     num_buckets=4, feed_forward_size=96, attention_head_size=16, local_attn_chunk_length=4, lsh_attn_chunk_length=4,
     is_decoder=True)
conf("xmod", default_language="en_XX")
conf("esm", vocab_size=160, pad_token_id=1, mask_token_id=32)
conf("mpnet udop", relative_attention_num_buckets=32)
conf("fsmt", src_vocab_size=160, tgt_vocab_size=160)
conf("blt", encoder_hash_byte_group_vocab=60)
conf("hrm_text", num_hidden_layers=4, num_layers_per_stack=None)
conf("markuplm", max_xpath_tag_unit_embeddings=20, max_xpath_subs_unit_embeddings=20, tag_pad_id=19, subs_pad_id=19,
     xpath_unit_hidden_size=8, max_depth=4)
conf("lilt", hidden_size=96, num_attention_heads=4, max_2d_position_embeddings=128)
conf("layoutlmv3", coordinate_size=11, shape_size=10, input_size=32, max_2d_position_embeddings=128, hidden_size=64)
conf("musicgen_decoder musicgen musicgen_melody_decoder musicgen_melody", num_codebooks=4)
conf("muse_spark_text", num_experts=8)
conf("qwen4_exp_text", ple_layer_ids=[], hc_lowrank=8)
conf("moshi", num_codebooks=4)
conf("longformer", attention_window=[4, 4])
conf("led", attention_window=[4, 4])
conf("big_bird", attention_type="original_full")
conf("bigbird_pegasus", attention_type="original_full")
SPARSE = dict(attention_type="block_sparse", block_size=4, num_random_blocks=1)
variant("big_bird/BigBirdForMaskedLM", "sparse", **SPARSE)
variant("bigbird_pegasus/BigBirdPegasusForConditionalGeneration", "sparse", **SPARSE)
variant("longt5/LongT5ForConditionalGeneration", "global", encoder_attention_type="transient-global",
        global_block_size=4)
variant("falcon/FalconForCausalLM", "alibi", alibi=True)
variant("llama/LlamaForCausalLM", "dynamic", rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0,
                                                              "factor": 2.0}, max_position_embeddings=16)
conf("t5gemma2_text t5gemma2_encoder_text", dropout_rate=0.0)

# ---- vision
conf("swin swinv2 donut-swin maskformer-swin", image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2,
                                                                                                                    4],
     window_size=4)
conf("swin2sr", image_size=16, patch_size=1, embed_dim=32, depths=[2, 2], num_heads=[2, 4], window_size=4)
conf("resnet", embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1])
conf("rt_detr_resnet", embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1])
conf("regnet", embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1], groups_width=8)
conf("bit", embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1], num_groups=4)
conf("hgnet_v2", stem_channels=[3, 8, 16], stage_in_channels=[16, 24, 32, 40], stage_mid_channels=[8, 8, 16, 16],
     stage_out_channels=[24, 32, 40, 48], stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[2, 2, 2, 2],
     hidden_sizes=[24, 32, 40, 48], embedding_size=16, depths=[1, 1, 1, 1])
conf("mobilenet_v1 mobilenet_v2", depth_multiplier=0.25, finegrained_output=True)
conf("mobilevit", hidden_sizes=[32, 48, 64], neck_hidden_sizes=[8, 8, 16, 16, 24, 32, 40], num_attention_heads=4,
     image_size=64,
     patch_size=2, aspp_out_channels=16)
conf("mobilevitv2", width_multiplier=0.25, image_size=64, patch_size=2, aspp_out_channels=16, base_attn_unit_dims=[32,
                                                                                                                   48,
                                                                                                                   64],
     n_attn_blocks=[1, 1, 1])
conf("align", projection_dim=16)
conf("efficientnet", width_coefficient=0.1, depth_coefficient=0.1, hidden_dim=128, image_size=64)
conf("align_vision_model", width_coefficient=0.1, depth_coefficient=0.1, hidden_dim=64, image_size=64)
conf("convnext convnextv2", hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1])
conf("dinov3_convnext", hidden_sizes=[16, 24, 32, 48], depths=[1, 2, 1, 1], image_size=64)
conf("focalnet", embed_dim=16, hidden_sizes=[16, 32], depths=[1, 2], focal_levels=[2, 2], focal_windows=[3, 3],
     image_size=32,
     patch_size=4)
conf("poolformer", hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])
conf("pvt", hidden_sizes=[16, 32, 48, 64], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1], image_size=64,
     mlp_ratios=[2, 2, 2, 2])
conf("pvt_v2", hidden_sizes=[8, 16, 32, 48], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1], image_size=64,
     mlp_ratios=[2, 2, 2, 2])
conf("segformer", hidden_sizes=[16, 16, 32, 48], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1], image_size=64,
     decoder_hidden_size=32)
conf("glpn", hidden_sizes=[16, 16, 32, 48], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1], image_size=64,
     decoder_hidden_size=32)
conf("levit", hidden_sizes=[16, 32, 48], num_attention_heads=[2, 3, 4], depths=[2, 1, 1], key_dim=[8, 8, 8],
     image_size=64, patch_size=16)
conf("hiera", embed_dim=16, num_heads=[1, 2, 4, 8], depths=[1, 2, 1, 1], image_size=[64, 64], masked_unit_size=[8, 8])
conf("textnet", hidden_sizes=[8, 8, 16, 24, 32], stem_out_channels=8, image_size=[64, 64])
conf("cvt", embed_dim=[16, 48, 96], num_heads=[1, 3, 6], depth=[1, 2, 3], image_size=64)
conf("pp_lcnet", scale=0.25, class_expand=64)
conf("swiftformer", embed_dims=[16, 24, 32, 48], depths=[1, 1, 2, 1], image_size=64)
RESNET = Sub("resnet", out_features=["stage4"])
RESNET3 = Sub("resnet", out_features=["stage2", "stage3", "stage4"])
for t in ("detr", "conditional_detr", "dab-detr", "table-transformer"):
    conf(t, backbone_config=RESNET, num_queries=9)
conf("deformable_detr", backbone_config=RESNET3, num_queries=9, num_feature_levels=4)
DETR_NECK = dict(encoder_in_channels=[24, 32, 48], decoder_in_channels=[64, 64, 64], encoder_hidden_dim=64, d_model=64,
                 num_queries=9, anchor_image_size=None, num_denoising=0)
conf("rt_detr rt_detr_v2", backbone_config=dict(out_features=["stage2", "stage3", "stage4"]), **DETR_NECK)
conf("d_fine deimv2 pp_doclayout_v2 pp_doclayout_v3 pp_doclayout_v4",
     backbone_config=dict(out_features=["stage2", "stage3", "stage4"]), **{**DETR_NECK, "encoder_in_channels": [32, 40,
                                                                                                                48]})
DINO = dict(num_hidden_layers=4, out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False,
            image_size=32, patch_size=8)
NECK = dict(neck_hidden_sizes=[8, 16, 24, 32], fusion_hidden_size=16)
conf("depth_anything", backbone_config=Sub("dinov2", **DINO), patch_size=8, reassemble_hidden_size=64,
     head_hidden_size=8, **NECK)
conf("prompt_depth_anything", backbone_config=Sub("dinov2", **DINO), patch_size=8, reassemble_hidden_size=64,
     head_hidden_size=8, **NECK)
conf("dpt", num_hidden_layers=4, backbone_out_indices=[0, 1, 2, 3], image_size=32, patch_size=8, neck_ignore_stages=[],
     **NECK)
conf("zoedepth", backbone_config=Sub("beit", num_hidden_layers=4, out_features=["stage1", "stage2", "stage3", "stage4"],
                                     reshape_hidden_states=False, image_size=32, patch_size=8), bottleneck_features=16,
     bin_embedding_dim=16, num_attractors=[4, 2, 2, 1], num_relative_features=8, **NECK)
conf("chmv2", **NECK)
conf("tipsv2_dpt", **NECK)
conf("beit", num_hidden_layers=4, image_size=64, patch_size=16, out_indices=[1, 2, 3, 4])
conf("upernet", backbone_config=Sub("convnext", out_features=["stage1", "stage2", "stage3", "stage4"]), hidden_size=32,
     auxiliary_channels=16, auxiliary_in_channels=32)
SWIN4 = Sub("swin", image_size=64, depths=[1, 2, 1, 1], num_heads=[1, 2, 2, 4], embed_dim=16,
            out_features=["stage1", "stage2", "stage3", "stage4"])
conf("mask2former", backbone_config=SWIN4, feature_size=32, mask_feature_size=32, hidden_dim=32,
     encoder_feedforward_dim=48,
     dim_feedforward=48, num_queries=9, decoder_layers=3, encoder_layers=1, num_attention_heads=4)
conf("maskformer", backbone_config=SWIN4, fpn_feature_size=32, mask_feature_size=32)
conf("oneformer", backbone_config=SWIN4)
conf("grounding-dino mm-grounding-dino",
     backbone_config=Sub("swin", image_size=64, depths=[1, 2, 1, 1], num_heads=[1, 2, 2, 4], embed_dim=16,
                         out_indices=[2, 3, 4]), num_queries=9)
conf("sam_vision_model sam_hq_vision_model", image_size=64, patch_size=8, window_size=3, num_pos_feats=16,
     output_channels=32,
     global_attn_indexes=[1])
PROMPT = dict(vision_config=dict(image_size=64, patch_size=8, num_pos_feats=16, output_channels=32, window_size=3,
                                 global_attn_indexes=[1]),
              prompt_encoder_config=dict(hidden_size=32, image_size=64, patch_size=8, mask_input_channels=8),
              mask_decoder_config=dict(hidden_size=32, mlp_dim=48, num_attention_heads=4, iou_head_hidden_dim=32))
conf("sam", **PROMPT)
conf("sam_hq", **{**PROMPT, "mask_decoder_config": {**PROMPT["mask_decoder_config"], "vit_dim": 64}})
conf("sam2_hiera_det_model", hidden_size=16, embed_dim_per_stage=[16, 32, 48, 64], num_attention_heads_per_stage=[1, 2,
                                                                                                                  2, 4],
     blocks_per_stage=[1, 2, 1, 1], global_attention_blocks=[2], window_size_per_stage=[8, 4, 4, 2], image_size=[128,
                                                                                                                 128],
     window_positional_embedding_background_size=[4, 4])
conf("sam2_vision_model", backbone_channel_list=[64, 48, 32, 16], fpn_hidden_size=32,
     backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]])
conf("sam2", prompt_encoder_config=dict(hidden_size=32, image_size=128, patch_size=16, mask_input_channels=8),
     mask_decoder_config=dict(hidden_size=32, mlp_dim=48, num_attention_heads=4, iou_head_hidden_dim=32))
conf("vjepa2", crop_size=32, patch_size=8, frames_per_clip=4, tubelet_size=2, pred_hidden_size=32,
     pred_num_attention_heads=4,
     pred_num_hidden_layers=2, pred_num_mask_tokens=2, mlp_ratio=2.0)
conf("timesformer videomae vivit", image_size=32, num_frames=4)
conf("vivit", tubelet_size=[2, 8, 8])
conf("superpoint", encoder_hidden_sizes=[8, 8, 16, 16], decoder_hidden_size=16, descriptor_decoder_dim=16)
conf("imagegpt", n_positions=64)
conf("siglip2_vision_model", num_patches=16)
conf("siglip2", vision_config=dict(num_patches=16))
conf("data2vec-vision", num_hidden_layers=4, image_size=32)
conf("tvp", backbone_config=Sub("resnet", out_features=["stage4"]), max_img_size=64, visual_prompter_type="framepad",
     visual_prompt_size=8, num_frames=2, max_grid_row_position_embeddings=8, max_grid_col_position_embeddings=8)
conf("xclip", projection_dim=64)
conf("groupvit", projection_intermediate_dim=64)
conf("mgp-str", num_bpe_labels=60, num_wordpiece_labels=50, image_size=[32, 64], max_token_length=9)
conf("yolos", num_detection_tokens=9, image_size=[32, 32])
conf("lw_detr", num_queries=9, decoder_cross_attention_heads=4, decoder_ffn_dim=48,
     group_detr=1)
conf("lw_detr_vit", image_size=64, patch_size=8, num_windows=16, out_indices=[1, 2])
conf("vitpose", backbone_config=Sub("vitpose_backbone", image_size=[64, 48], patch_size=[16, 16]))
conf("eomt", num_upscale_blocks=1, num_blocks=1, num_queries=9)
conf("seggpt", num_hidden_layers=4, merge_index=0, intermediate_hidden_state_indices=[0, 1, 2, 3], image_size=[64, 32],
     patch_size=8,
     decoder_hidden_size=16, pretrain_image_size=32)

# ---- audio
conf("wav2vec2 hubert wavlm unispeech unispeech-sat data2vec-audio wav2vec2-conformer sew sew-d wav2vec2-bert",
     vocab_size=160, num_codevectors_per_group=8, codevector_dim=16, proj_codevector_dim=16)
conf("wav2vec2-bert", feature_projection_input_dim=16)
conf("sew-d", max_position_embeddings=128, position_buckets=16, squeeze_factor=2)
conf("speecht5", speech_decoder_prenet_units=16, speech_decoder_postnet_units=16, speaker_embedding_dim=16,
     encoder_max_relative_position=16)
conf("audio-spectrogram-transformer", patch_size=8, frequency_stride=6, time_stride=6, max_length=44, num_mel_bins=20)
CODEC = dict(upsampling_ratios=[4, 2])
conf("encodec", num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=None, upsampling_ratios=[4, 2],
     num_lstm_layers=1,
     target_bandwidths=[240.0, 480.0], sampling_rate=24000)
conf("dac", encoder_hidden_size=8, decoder_hidden_size=32, downsampling_ratios=[2, 4], n_codebooks=2, codebook_dim=4)
conf("mimi mimi_encoder mimi_decoder", hidden_size=64, num_filters=8, upsampling_ratios=[4, 2], codebook_size=32,
     codebook_dim=16,
     vector_quantization_hidden_dimension=16, num_quantizers=4, upsample_groups=64, sliding_window=8,
     num_key_value_heads=4,
     head_dim=16, audio_channels=1)
conf("moonshine", hidden_size=64, encoder_num_key_value_heads=4, decoder_num_key_value_heads=4)
conf("granite_speech granite_speech_plus", window_size=4, downsample_rate=2,
     encoder_config=dict(context_size=8, max_pos_emb=16, num_layers=2, num_heads=4, dim_head=16, hidden_dim=64,
                         input_dim=16),
     projector_config=dict(encoder_hidden_size=64))
conf("fun_asr_nano", adaptor_config=dict(intermediate_size=16, hidden_size=64))
conf("clap_audio_model", patch_embeds_hidden_size=16, hidden_size=32, depths=[1, 2], num_attention_heads=[1, 2],
     num_hidden_layers=2, spec_size=64, num_mel_bins=16, window_size=4)
conf("vits", upsample_initial_channel=32, duration_predictor_filter_channels=16, flow_size=32, spectrogram_bins=33,
     posterior_encoder_num_wavenet_layers=2, prior_encoder_num_flows=1, prior_encoder_num_wavenet_layers=2,
     hidden_size=32, num_attention_heads=2, noise_scale=0.0, noise_scale_duration=0.0)  # no chance in the outputs
conf("fastspeech2_conformer", num_mel_bins=16, duration_predictor_channels=16, energy_predictor_channels=16,
     pitch_predictor_channels=16, speech_decoder_postnet_units=16, hidden_size=64, encoder_linear_units=64,
     decoder_linear_units=64)

# ---- multimodal
conf("gemma3 shieldgemma2", mm_tokens_per_image=4)
conf("t5gemma2", encoder=dict(mm_tokens_per_image=4))
conf("t5gemma2_encoder", mm_tokens_per_image=4)
conf("gemma4", vision_config=Sub("gemma4_vision", pooling_kernel_size=2, position_embedding_size=32))
conf("gemma4_vision", pooling_kernel_size=2, position_embedding_size=32)
conf("blip-2 instructblip instructblipvideo", image_token_index=110, num_query_tokens=4)
conf("llama4", vision_config=dict(projector_input_dim=64, projector_output_dim=64, vision_output_dim=64, patch_size=8,
                                  image_size=32, intermediate_size=256))
conf("llama4_vision_model", projector_input_dim=64, projector_output_dim=64, vision_output_dim=64,
     intermediate_size=256)
conf("cohere2_vision", alignment_intermediate_size=128, downsample_factor=2)
conf("llava_next llava_next_video llava_onevision", image_grid_pinpoints=[[32, 64], [64, 32], [64, 64]])
conf("vipllava", vision_feature_layers=[-2, -1])
conf("aria", projector_patch_to_query_dict={"16": 4})
conf("fuyu", patch_size=8)
VQ = dict(base_channels=32, channel_multiplier=[1, 1], num_embeddings=32, embed_dim=16, latent_channels=16,
          num_res_blocks=1, resolution=32)
IMAGE_WORDS = {"IMGIMG" + "".join(chr(65 + int(c)) for c in str(i)) + "Z": 100 + i for i in range(32)}
IMAGE_WORDS["<image>"] = 140
conf("chameleon", vq_config=VQ, vocabulary_map=IMAGE_WORDS)
conf("janus", vq_config=dict(base_channels=32, channel_multiplier=[1, 1], num_embeddings=32, latent_channels=32,
                             num_res_blocks=1, projection_dim=64, image_token_embed_dim=64, num_patches=4),
     vision_config=dict(projection_dim=64, num_image_tokens=16, image_size=32, patch_size=8))
conf("mllama", vision_config=dict(vision_output_dim=128, num_global_layers=1, intermediate_layers_indices=[0],
                                  max_num_tiles=2, supported_aspect_ratios=[[1, 1], [1, 2], [2, 1]], attention_heads=4,
                                  intermediate_size=96, num_hidden_layers=2),
     text_config=dict(cross_attention_layers=[1], num_hidden_layers=3))
conf("qwen2_5_omni_thinker qwen3_omni_moe_thinker", vision_start_token_id=120, audio_start_token_id=121)

# ---- parts of several kinds
conf("mistral4", qk_nope_head_dim=8)
conf("glmasr_encoder", intermediate_size=256)
conf("muse_glimmer", out_hidden_size=256)
conf("moonshine_streaming", num_key_value_heads=4)
conf("cohere_compass_text", layer_types=["sliding_attention", "full_attention"], num_hidden_layers=2,
     rope_parameters={"full_attention": MROPE, "sliding_attention": MROPE})
conf("ernie4_5_vl_moe_text", rope_parameters={**MROPE, "mrope_section": [3, 3, 2]})
conf("glm5_next_text", index_topk=16)
conf("hunyuan_vl_text", rope_parameters={**MROPE, "mrope_section": [2, 2, 2, 2]})
conf("hunyuan_vl_vision", max_image_size=64)
conf("kosmos-2", latent_query_num=4)
# Many heads: scores are sums of relus, and which of two zeros topk takes is the runtime's affair.
conf("deepseek_v32 hy_v4 mistral_large4_text", index_n_heads=24)
conf("qwen4_exp_text", indexer_n_heads=24, indexer_kv_heads=1, indexer_head_dim=16, indexer_budget=8,
     indexer_compress_ratio=2)
conf("blt", num_hidden_layers=2)
conf("pocket_tts_audio_tokenizer pocket_tts_audio_tokenizer_encoder pocket_tts_audio_tokenizer_decoder",
     upsample_groups=64)
conf("fastspeech2_conformer_with_hifigan", vocoder_config=dict(model_in_dim=16, upsample_initial_channel=16))
conf("xclip", vision_config=dict(mit_hidden_size=64, mit_intermediate_size=96, mit_num_hidden_layers=1,
                                 mit_num_attention_heads=4))
conf("chmv2", backbone_config=Sub("dinov3_vit", **DINO))
conf("oneformer", text_encoder_width=64, conv_dim=32, mask_dim=32, hidden_dim=32, encoder_feedforward_dim=48,
     dim_feedforward=48, num_queries=9, text_encoder_vocab_size=160, task_seq_len=7,
     num_attention_heads=4, text_encoder_num_layers=1)
conf("detr/DetrForSegmentation", backbone_config=Sub("resnet", out_features=["stage1", "stage2", "stage3", "stage4"]),
     num_queries=9, encoder_attention_heads=8, decoder_attention_heads=8)
for t, c in (("llama", "Llama"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3"), ("mistral", "Mistral")):
    conf(f"{t}/{c}ForSequenceClassification", pad_token_id=0)
conf("timesfm timesfm2_5", context_length=64, horizon_length=16)
conf("bros", bbox_scale=1.0)
