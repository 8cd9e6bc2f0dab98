"""Arguments that a model takes otherwise than their names say: by model type or class, a maker for each; `nothing`
leaves one out."""

from . import sample_pictures, sample_sound, sample_text


def nothing(sample):
    return None


def alike(value, *sizes):
    """A maker of tensors of one number: sizes are numbers, or names of fields of the config."""
    return lambda sample: sample.filled(value, sample.batch, *_sizes(sample, sizes))


def numbers(*sizes):
    """A maker of numbers, in the same way."""
    return lambda sample: sample.numbers(sample.batch, *_sizes(sample, sizes))


def _sizes(sample, sizes):
    return [size if isinstance(size, int) else sample.integer(size) for size in sizes]


def steps_mask(sample):
    return sample.ones(*sample["timesteps"].shape)


def square_patches(sample):
    """Packed patches that keep channels, height and width."""
    pixels = sample_pictures.packed_patches(sample)
    side = sample.integer("patch_size", part=sample_pictures.vision(sample))
    return pixels.reshape(pixels.shape[0], -1, side, side)


def picture_pairs(sample):
    return sample.numbers(sample.batch, 2, sample_pictures.channels(sample), *sample_pictures.picture_size(sample))


def one_picture_each(sample):
    return sample.numbers(sample.batch, 1, sample_pictures.channels(sample), *sample_pictures.picture_size(sample))


def picture_of_each_word(sample):
    return sample.ones(sample.batch, sample["input_ids"].shape[1], 1)


def tiled_pictures_of_words(sample):
    return sample.ones(sample.batch, sample["input_ids"].shape[1], 1, sample["pixel_values"].shape[2])


def tile_mask(sample):
    return sample.ones(sample.batch, 1, sample["pixel_values"].shape[2])


def kosmos_ids(sample):
    return sample_text.with_placeholders(sample, 5, sample.integer("latent_query_num"))


def kosmos_places(sample):
    places = sample.filled(0, *sample["input_ids"].shape)
    places[:, 1:1 + sample.integer("latent_query_num")] = 1
    return places


def query_ids(sample):
    return sample_text.with_placeholders(sample, sample_text.image_token(sample), sample.integer("num_query_tokens"))


def codebook_rows(sample):
    return sample.tokens(sample.batch * sample.integer("num_codebooks"), sample.length, vocabulary=sample.integer(
        "vocab_size", part=sample.part("decoder")))


def frames_of_codes(sample):
    return sample.tokens(sample.batch, sample.length, sample.integer("num_codebooks") + 1)


def text_latents(sample):
    is_text = sample.class_name in ("PerceiverForMaskedLM", "PerceiverForSequenceClassification")
    return sample.tokens(sample.batch, sample.length) if is_text else None


def latents_mask(sample):
    return None if sample["inputs"] is None else sample.ones(*sample["inputs"].shape[:2])


def flattened_patches(sample):
    import torch

    width = sample.integer("patch_embed_hidden_size", part=sample.part("vision_config"))
    places = torch.arange(12).reshape(1, 12, 1).expand(sample.batch, 12, 1)
    return torch.cat([places // 4 + 1.0, places % 4 + 1.0, sample.numbers(sample.batch, 12, width)], dim=-1)


def patches_mask(sample):
    return sample.ones(*sample["flattened_patches"].shape[:2]).float()


def half_picture(sample):
    """SegGPT's picture and its prompt are two halves of one."""
    height, width = sample_pictures.picture_size(sample)
    return sample.numbers(sample.batch, sample_pictures.channels(sample), height // 2, width)


def patch_noise(sample):
    height, width = sample_pictures.picture_size(sample)
    side = sample.integer("patch_size")
    return sample.fractions(sample.batch, (height // side) * (width // side))


def task_tokens(sample):
    return sample.tokens(sample.batch, sample.integer("task_seq_len"), vocabulary=sample.integer(
        "text_encoder_vocab_size"))


def whole_spectrogram(sample):
    """Of a fixed number of frames."""
    return sample.numbers(sample.batch, sample.integer("max_length"), sample.integer("num_mel_bins"))


def spectrogram_of(times, field):
    """A maker of frames that are so many times as wide as a field says."""
    return lambda sample: sample.numbers(sample.batch, 104, times * sample.integer(field))


def wave_or_spectrogram(name):
    """A maker of what the encoder takes, which may be either."""
    maker = sample_sound.MAKERS[name]
    return lambda sample: maker(sample) if sample.model.encoder.main_input_name == name else None


def heard_ids(sample):
    """A placeholder for each frame that two strides of two leave of the sound."""
    count = (sample["input_features"].shape[-1] - 1) // 2 + 1
    return sample_text.with_placeholders(sample, sample.integer("audio_token_id"), (count - 2) // 2 + 1)


def sound_with_places(sample):
    """Nothing where the config names no token for it."""
    return None if sample.integer("audio_token_id") is None else sample_sound.spectrogram(sample)


def stacked_spectrogram(sample):
    return sample.numbers(sample.batch, 1, 100, sample_sound.bins(sample))


def table_places(sample):
    """TAPAS: what each token's place in the table is, in so many ways; rows and columns begin at 1."""
    import torch

    widths = sample.find("type_vocab_sizes")
    place = torch.arange(sample.batch * sample.length).reshape(sample.batch, sample.length)
    return torch.stack([place // 3 % min(width, 4) for width in widths], dim=-1)


def entity_places(sample):
    import torch

    return torch.tensor([[[1, 2, -1], [4, 5, 6]]] * sample.batch, dtype=torch.int64)


def equal_grids(sample):
    return sample_pictures.grids(sample)[:1].expand(sample.batch, -1).contiguous()


def sizes_of_any(sample):
    """Only towers that take pictures of many sizes ask for them."""
    is_any = sample_pictures.vision(sample).model_type == "pixtral"
    return sample_pictures.image_sizes(sample) if is_any else None


_PAIRS = {"pixel_values": picture_pairs}
_SQUARE = {"pixel_values": square_patches}
_QUERIES = {"input_ids": query_ids, "qformer_input_ids": sample_text.like_text,
            "qformer_attention_mask": lambda sample: sample.ones(sample.batch, sample.length)}
_CODEBOOKS = {"input_ids": codebook_rows, "attention_mask": nothing}
_ENTITIES = {"entity_ids": alike(1, 2), "entity_attention_mask": alike(1, 2), "entity_position_ids": entity_places}

ROWS = {
    "audio-spectrogram-transformer": {"input_values": whole_spectrogram, "attention_mask": nothing},
    "blip_2_qformer": {"query_embeds": numbers(4, "hidden_size"),
                       "encoder_hidden_states": numbers(6, "encoder_hidden_size")},
    "clap": {"input_features": stacked_spectrogram},
    "csm": {"input_values": nothing},  # text alone: sound comes with the places where it ends
    "decision_transformer": {"attention_mask": steps_mask},
    "efficientloftr": _PAIRS, "lightglue": _PAIRS, "superglue": _PAIRS,
    "gemma4_audio": {"input_features": spectrogram_of(1, "subsampling_conv_channels")},
    "granite_speech5_ctc": {"input_features": spectrogram_of(4, "num_mel_bins")},
    "granite_speech5_encoder": {"input_features": spectrogram_of(4, "num_mel_bins")},
    "granite_speech": {"input_features_mask": nothing}, "granite_speech_plus": {"input_features_mask": nothing},
    "hunyuan_vl": {"image_grid_thw": equal_grids},
    "idefics": {"pixel_values": one_picture_each, "image_attention_mask": picture_of_each_word},
    "instructblip": _QUERIES, "blip-2": _QUERIES, "instructblipvideo": _QUERIES,
    "kimi_k25": _SQUARE, "kimi_k25_vision": _SQUARE, "paddleocr_vl": _SQUARE,
    "kosmos-2": {"input_ids": kosmos_ids, "image_embeds_position_mask": kosmos_places},
    "kyutai_speech_to_text": {"input_ids": frames_of_codes},
    "llava": {"image_sizes": sizes_of_any}, "vipllava": {"image_sizes": sizes_of_any},
    "luke": _ENTITIES,
    "lxmert": {"visual_feats": numbers(5, "visual_feat_dim"),
               "visual_pos": lambda sample: sample.fractions(sample.batch, 5, 4)},
    "mllama": {"aspect_ratio_ids": alike(2, 1), "aspect_ratio_mask": tile_mask,
               "cross_attention_mask": tiled_pictures_of_words},
    "MusicgenForCausalLM": _CODEBOOKS, "MusicgenMelodyForCausalLM": _CODEBOOKS,
    "moss_transcribe_diarize_audio": {"attention_mask": nothing},
    "neomme": {"pixel_values": nothing},
    "oneformer": {"task_inputs": task_tokens},
    "pe_audio": {"padding_mask": nothing}, "pe_audio_encoder": {"padding_mask": nothing},
    "perceiver": {"inputs": text_latents, "input_ids": nothing, "attention_mask": latents_mask},
    "pix2struct": {"flattened_patches": flattened_patches, "attention_mask": patches_mask},
    "pop2piano": {"input_ids": nothing, "input_features": numbers(8, "d_model"), "attention_mask": alike(1, 8)},
    "qwen2_audio": {"input_ids": heard_ids},
    "qwen2_audio_encoder": {"attention_mask": nothing},
    "radio": {"pixel_values": sample_pictures.plain_picture, "image_grid_hw": nothing},
    "roc_bert": {"input_shape_ids": sample_text.like_text, "input_pronunciation_ids": sample_text.like_text},
    "seggpt": dict.fromkeys(("pixel_values", "prompt_pixel_values", "prompt_masks"), half_picture),
    "speech-encoder-decoder": {name: wave_or_spectrogram(name) for name in ("input_values", "input_features")},
    "tapas": {"token_type_ids": table_places},
    "visual_bert": {"visual_embeds": numbers(5, "visual_embedding_dim"), "visual_attention_mask": alike(1, 5),
                    "visual_token_type_ids": alike(1, 5)},
    "vit_mae": {"noise": patch_noise},
    "voxtral": {"input_features": sound_with_places}, "voxtral_encoder": {"attention_mask": nothing},
    "voxtral_realtime_encoder": {"input_features": numbers("num_mel_bins", 32), "attention_mask": nothing},
}
