"""Inputs of the models that the generic ones don't fit: functions of a Maker, by model type or "type/Class"."""

import torch


def video(m):
    return {"pixel_values": m.pixels(m.batch, m.find("num_frames", default=4))}


def anyres(m):
    """Llava-Next: the base image and the tiles of the best grid, with the original sizes."""
    sizes = torch.tensor([[40, 60]] * m.batch)
    images = {"pixel_values": m.pixels(m.batch, 5), "image_sizes": sizes}
    return m.with_placeholders(m.image_token(), m.feature_rows("get_image_features", **images), images)


def many_images(m):
    """Idefics2/3, SmolVLM: (batch, images, channels, height, width)."""
    images = {"pixel_values": m.pixels(m.batch, m.size("images", 1))}
    return m.with_placeholders(m.image_token(), m.feature_rows("get_image_features", **images), images)


def plain_image(m):
    images = {"pixel_values": m.pixels()}
    return m.with_placeholders(m.image_token(), m.feature_rows("get_image_features", **images), images)


def query_tokens(m):
    """BLIP-2, InstructBLIP: one placeholder per query token."""
    images = {"pixel_values": m.pixels()}
    if "qformer_input_ids" in m.names:
        images["qformer_input_ids"] = m.ids(m.batch, 6)
        images["qformer_attention_mask"] = m.mask(m.batch, 6)
    return m.with_placeholders(m.config.image_token_index, m.config.num_query_tokens, images)


def mllama(m):
    v = m.config.vision_config
    b, tiles = m.batch, v.max_num_tiles
    s = m.seq
    text = m.text()
    mask = torch.ones(b, s, 1, tiles, dtype=torch.int64)
    mask[:, 0] = 0
    return {**text, "pixel_values": m.randn(b, 1, tiles, 3, v.image_size, v.image_size),
            "aspect_ratio_ids": torch.full((b, 1), 2), "aspect_ratio_mask": torch.ones(b, 1, tiles, dtype=torch.int64),
            "cross_attention_mask": mask}


def naflex(m):
    """Siglip2: flattened patches, their mask and grid."""
    v = getattr(m.config, "vision_config", m.config)
    n, b = v.num_patches, m.batch
    mask = torch.ones(b, n, dtype=torch.int64)
    side = int(n**0.5)
    out = {"pixel_values": m.randn(b, n, 3 * v.patch_size**2), "pixel_attention_mask": mask,
           "spatial_shapes": torch.tensor([[side, side]] * b)}
    if "input_ids" in m.names:
        out = {**m.text(), **out}
    return out


def frames(m):
    """Spectrogram frames first: (batch, frames, features)."""
    width = m.find("feature_projection_input_dim", "num_mel_bins", "input_dim", "feature_size", default=16)
    out = {"input_features": m.randn(m.batch, m.size("frames", 40, 52), width)}
    if "attention_mask" in m.names:
        out["attention_mask"] = torch.ones(out["input_features"].shape[:2], dtype=torch.int64)
    return out


def waveform(m):
    """(batch, channels, samples)"""
    return {"input_values": m.randn(m.batch, 1, m.size("samples", 480, 640))}


def detection(m):
    return {"pixel_values": m.randn(m.batch, 3, *m.size("image", (64, 64)))}


def ast(m):
    return {"input_values": m.randn(m.batch, m.size("frames", m.config.max_length), m.config.num_mel_bins)}


def wave_to_text(m):
    return {"input_values": m.randn(m.batch, m.size("samples", 2000, 2800)), "decoder_input_ids": m.decoder_ids()}


def with_bbox(m):
    out = m.text()
    corner = torch.randint(0, 50, (m.batch, m.seq, 2), generator=m.g)
    out["bbox"] = torch.cat([corner, corner + torch.randint(1, 50, (m.batch, m.seq, 2), generator=m.g)], -1)
    if "pixel_values" in m.names:
        out["pixel_values"] = m.pixels()
    return out


def codebooks(m):
    return {"input_ids": m.ids(m.batch * m.config.num_codebooks, m.seq)}


def whole_blocks(m):
    return m.text(m.size("text", 16, 24))


def sam(m):
    size = getattr(m.config.vision_config, "image_size", None)
    size = size if isinstance(size, int) else 128
    b = m.batch
    return {"pixel_values": m.randn(b, 3, size, size), "input_points": m.rand(b, 1, 2, 2) * size,
            "input_labels": torch.ones(b, 1, 2, dtype=torch.int64)}


def roc(m):
    out = m.text()
    return {**out, "input_shape_ids": m.ids(m.batch, m.seq), "input_pronunciation_ids": m.ids(m.batch, m.seq)}


def lxmert(m):
    n = m.size("objects", 4)
    return {**m.text(), "visual_feats": m.randn(m.batch, n, m.config.visual_feat_dim),
            "visual_pos": m.rand(m.batch, n, 4)}


def visual_bert(m):
    n = m.size("objects", 4)
    return {**m.text(), "visual_embeds": m.randn(m.batch, n, m.config.visual_embedding_dim),
            "visual_attention_mask": torch.ones(m.batch, n, dtype=torch.int64),
            "visual_token_type_ids": torch.ones(m.batch, n, dtype=torch.int64)}


def past_values(m):
    c = m.config
    return {"past_values": m.randn(m.batch, m.size("series", c.context_length), c.num_input_channels)}


def decision(m):
    b, t, c = m.batch, m.size("steps", 4, 6), m.config
    return {"states": m.randn(b, t, c.state_dim), "actions": m.randn(b, t, c.act_dim), "rewards": m.randn(b, t, 1),
            "returns_to_go": m.randn(b, t, 1), "timesteps": torch.arange(t).repeat(b, 1),
            "attention_mask": torch.ones(b, t, dtype=torch.int64)}


def text_and_image(m):
    return {**m.text(), "pixel_values": m.pixels()}


def flattened(m):
    b, n = m.batch, 12
    p = m.randn(b, n, m.config.vision_config.patch_embed_hidden_size + 2)
    p[..., 0] = torch.arange(n) // 4 + 1
    p[..., 1] = torch.arange(n) % 4 + 1
    return {"flattened_patches": p, "attention_mask": torch.ones(b, n), "decoder_input_ids": m.decoder_ids()}


def positions(m, side):
    """Column and row of each patch of a square image."""
    grids = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="xy")
    return torch.stack(grids, -1).reshape(1, -1, 2).repeat(m.batch, 1, 1)


def gemma4_images(m):
    v = m.config.vision_config
    k, side = v.pooling_kernel_size, 4
    pos = positions(m, side)
    images = {"pixel_values": m.rand(m.batch, side * side, 3 * v.patch_size**2), "image_position_ids": pos}
    out = m.with_placeholders(m.config.image_token_id, (side // k) ** 2, images)
    if "mm_token_type_ids" in m.names:
        out["mm_token_type_ids"] = (out["input_ids"] == m.config.image_token_id).long()
    return out


def seggpt(m):
    c = m.config
    h, w = c.image_size
    b = m.batch
    return {"pixel_values": m.randn(b, 3, h // 2, w), "prompt_pixel_values": m.randn(b, 3, h // 2, w),
            "prompt_masks": m.randn(b, 3, h // 2, w)}


def qformer(m):
    return {"query_embeds": m.randn(m.batch, m.size("objects", 4), m.config.hidden_size),
            "encoder_hidden_states": m.randn(m.batch, m.size("frames", 8), m.config.encoder_hidden_size)}


def text_only(m):
    return m.text()


def idefics(m):
    n = m.size("images", 1)
    return {**m.text(), "pixel_values": m.pixels(m.batch, n),
            "image_attention_mask": torch.ones(m.batch, m.seq, n, dtype=torch.int64)}


def kosmos2(m):
    n = m.config.latent_query_num
    out = m.with_placeholders(5, n, {"pixel_values": m.pixels()})
    mask = torch.zeros_like(out["input_ids"])
    mask[:, 1:1 + n] = 1
    return {**out, "image_embeds_position_mask": mask}


def naflex_vlm(m):
    v = m.config.vision_config
    b, side = m.batch, 4
    images = {"pixel_values": m.randn(b, side * side, 3 * v.patch_size**2),
              "spatial_shapes": torch.tensor([[side, side]] * b),
              "pixel_attention_mask": torch.ones(b, side * side, dtype=torch.int64)}
    return m.with_placeholders(m.config.image_token_id, m.feature_rows("get_image_features", **images), images)


def square_patches(m):
    """Like the Qwen2-VL grid, but every patch keeps its channels, height and width."""
    v = getattr(m.config, "vision_config", m.config)
    pixels, grid = m.grid(1, 4, 4)
    pixels = pixels.reshape(pixels.shape[0], -1, v.patch_size, v.patch_size)
    if "input_ids" not in m.names:
        return {"pixel_values": pixels, "grid_thw": grid}
    images = {"pixel_values": pixels, "image_grid_thw": grid}
    out = m.with_placeholders(m.find("image_token_id"), m.feature_rows("get_image_features", **images), images)
    return {**out, "mm_token_type_ids": (out["input_ids"] == m.find("image_token_id")).int()}


def stacked_frames(m):
    """Fun-ASR: frames of num_stacked_frames mel vectors."""
    c = getattr(m.config, "audio_config", m.config)
    n = m.size("frames", 40, 52)
    audio = {"input_features": m.randn(m.batch, n, c.num_mel_bins * c.num_stacked_frames),
             "input_features_mask": torch.ones(m.batch, n, dtype=torch.int64)}
    if "input_ids" not in m.names:
        return audio
    return m.with_placeholders(m.config.audio_token_id, m.feature_rows("get_audio_features", **audio), audio)


def unmasked_audio(m):
    """Granite Speech: features only (its mask is over the projected tokens)."""
    audio = {"input_features": m.randn(m.batch, m.size("frames", 40, 52), 16)}
    return m.with_placeholders(m.config.audio_token_index, m.feature_rows("get_audio_features", **audio), audio)


def frames_of_codes(m):
    return {"input_ids": m.ids(m.batch, m.seq, m.config.num_codebooks + 1),
            "attention_mask": torch.ones(m.batch, m.seq, dtype=torch.int64)}


def oneformer(m):
    return {**detection(m), "task_inputs": m.ids(m.batch, m.config.task_seq_len)}


def pairs(m):
    return {"pixel_values": m.rand(m.batch, 2, 3, *m.size("image", (64, 64)))}


def clap(m):
    return {**m.text(), "input_features": m.randn(m.batch, 1, m.size("frames", 100), 16),
            "is_longer": torch.ones(m.batch, 1, dtype=torch.bool)}


def text_and_wave(m):
    return {**m.text(), "input_values": m.randn(m.batch, 1, m.size("samples", 480, 640))}


def xclip(m):
    return {**m.text(), "pixel_values": m.pixels(m.batch, m.config.vision_config.num_frames)}


def text_and_clip(m):
    return {**m.text(), "pixel_values": m.pixels(m.batch, m.config.num_frames)}


def gemma4_patches(m):
    side = 4
    pos = positions(m, side)
    return {"pixel_values": m.rand(m.batch, side * side, 3 * m.config.patch_size**2), "pixel_position_ids": pos}


def series(m):
    return {"past_values": m.randn(m.batch, m.size("series", 64))}


def masked_image(m):
    """ViT-MAE: the noise says which patches are masked."""
    patches = (m.config.image_size // m.config.patch_size) ** 2
    return {"pixel_values": m.pixels(), "noise": m.rand(m.batch, patches)}


INPUTS = {
    "vit_mae": masked_image,
    **dict.fromkeys(["embedding_gemma2", "gemma4_unified"], text_only),
    "idefics": idefics, "kosmos-2": kosmos2, "lfm2_vl": naflex_vlm,
    **dict.fromkeys(["kimi_k25", "kimi_k25_vision", "paddleocr_vl"], square_patches),
    **dict.fromkeys(["fun_asr_nano", "fun_asr_nano_encoder"], stacked_frames),
    **dict.fromkeys(["granite_speech", "granite_speech_plus"], unmasked_audio),
    **dict.fromkeys(["granite_speech5_ctc", "granite_speech5_encoder"],
                    lambda m: {"input_features": m.randn(m.batch, m.size("frames", 40, 52), 64)}),
    "gemma4_audio": lambda m: {"input_features": m.randn(m.batch, m.size("frames", 40, 52), 64),
                               "attention_mask": torch.ones(m.batch, m.size("frames", 40, 52), dtype=torch.bool)},
    "neomme": text_only,
    "kyutai_speech_to_text": frames_of_codes, "oneformer": oneformer,
    **dict.fromkeys(["lightglue", "superglue", "efficientloftr"], pairs),
    "clap": clap, "pe_audio": text_and_wave, "pe_audio_encoder": waveform, "xclip": xclip,
    **dict.fromkeys(["pocket_tts_audio_tokenizer", "pocket_tts_audio_tokenizer_encoder"], waveform),
    "gemma4_vision": gemma4_patches,
    **dict.fromkeys(["timesfm", "timesfm2_5"], series),
    "clip/CLIPTextModelWithProjection": text_only,
    **dict.fromkeys(["timesformer", "videomae", "vivit"], video),
    **dict.fromkeys(["llava_next", "llava_next_video", "llava_onevision"], anyres),
    **dict.fromkeys(["idefics2", "idefics3", "smolvlm", "modernvbert", "ultravbert"], many_images),
    **dict.fromkeys(["llava", "vipllava"], plain_image),
    **dict.fromkeys(["blip-2", "instructblip"], query_tokens),
    "mllama": mllama,
    **dict.fromkeys(["siglip2", "siglip2_vision_model"], naflex),
    **dict.fromkeys(["wav2vec2-bert"], frames),
    **dict.fromkeys(["encodec", "dac", "mimi", "mimi_encoder", "xcodec"], waveform),
    **dict.fromkeys(["detr", "conditional_detr", "dab-detr", "deformable_detr", "table-transformer", "rt_detr",
                     "rt_detr_v2", "d_fine", "deimv2", "mask2former", "maskformer", "upernet", "pp_doclayout_v2",
                     "pp_doclayout_v3", "pp_doclayout_v4", "lw_detr"], detection),
    "audio-spectrogram-transformer": ast,
    **dict.fromkeys(["moonshine", "moonshine_streaming", "speecht5", "speech-encoder-decoder"], wave_to_text),
    **dict.fromkeys(["layoutlm", "layoutlmv3", "lilt"], with_bbox),
    **dict.fromkeys(["musicgen", "musicgen_melody"], codebooks),
    **dict.fromkeys(["reformer", "funnel", "canine"], whole_blocks),
    **dict.fromkeys(["sam", "sam2", "sam_hq"], sam),
    "roc_bert": roc,
    "lxmert": lxmert,
    "visual_bert": visual_bert,
    **dict.fromkeys(["patchtst", "patchtsmixer"], past_values),
    "decision_transformer": decision,
    "perceiver": lambda m: {"inputs": m.ids(m.batch, m.seq), "attention_mask": m.mask(m.batch, m.seq)},
    **dict.fromkeys(["tvp"], text_and_clip),
    "pix2struct": flattened,
    "gemma4": gemma4_images,
    "seggpt": seggpt,
    "blip_2_qformer": qformer,
}
