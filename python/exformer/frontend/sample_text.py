"""Made-up text: tokens, masks, boxes of words, and the placeholders of what stands between the words."""

from .sample_sound import sound_mask

_CHOICES = 3
_WITHOUT_DECODER_TOKENS = ("ForSequenceClassification", "ForQuestionAnswering", "ForTokenClassification")


def _leading(sample):
    """Texts: of a batch, or several choices for each sample."""
    has_choices = sample.class_name.endswith("ForMultipleChoice") or "mc_token_ids" in sample.names
    return (sample.batch, _CHOICES) if has_choices else (sample.batch,)


def text_length(sample):
    longest = sample.integer("max_position_embeddings", "n_positions", part=sample.part("text_config"))
    return sample.length if longest is None or longest < 1 else min(sample.length, longest)


def plain_ids(sample):
    ids = sample.tokens(*_leading(sample), text_length(sample), vocabulary=sample.integer(
        "vocab_size", "text_vocab_size", part=sample.part("text_config", "encoder", "text_encoder")))
    end = sample.integer("eos_token_id", part=sample.part("text_config"))
    separator = sample.integer("sep_token_id")
    if separator is not None and sample.class_name.endswith("ForQuestionAnswering") and ids.shape[-1] >= 8:
        ids[..., 2:4] = separator  # question, twice the separator, context, separator
        end = separator
    if end is not None and end >= 0:
        ids[..., -1] = end
    return ids


def with_placeholders(sample, token, count, before=None, after=None):
    """Text with so many placeholders per sample behind its first token."""
    import torch

    ids = sample.tokens(sample.batch, sample.length)
    held = [before] * (before is not None) + [token] * count + [after] * (after is not None)
    held = torch.tensor([held] * sample.batch, dtype=torch.int64).reshape(sample.batch, len(held))
    return torch.cat([ids[:, :1], held, ids[:, 1:]], dim=1)


def image_token(sample):
    return sample.integer("image_token_id", "image_token_index")


def features_of(sample, method):
    """How many rows per sample the model's own encoder makes of its part of the call."""
    import inspect

    import torch

    encode = getattr(sample.owner_of(method), method)
    parameters = inspect.signature(encode).parameters
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    names = [*parameters, *(name for name in _ENCODED if is_open and name not in parameters)]
    given = {name: sample[name] for name in names if sample[name] is not None}
    with torch.no_grad():
        features = encode(**given)
    if hasattr(features, "last_hidden_state"):
        pooled = getattr(features, "pooler_output", None)
        features = features.last_hidden_state if pooled is None else pooled
    features = [features] if isinstance(features, torch.Tensor) else features
    rows = sum(part.numel() // part.shape[-1] for part in features)
    if not isinstance(rows, int):  # the encoder leaves out what a mask says
        rows = torch._state.core.hint(rows)
    return rows // sample.batch


# What encoders may take among their open keywords.
_ENCODED = ("pixel_values", "input_features", "input_values", "image_grid_thw", "image_sizes", "image_merge_sizes",
            "pixel_attention_mask", "spatial_shapes", "image_position_ids", "target_sizes", "image_grid_hw",
            "input_features_mask", "feature_attention_mask", "padding_mask")


def input_ids(sample):
    token = image_token(sample)
    if token is not None and sample["pixel_values"] is not None and sample.owner_of("get_image_features"):
        count = features_of(sample, "get_image_features")
        return with_placeholders(sample, token, count, *_around(sample, "vision"))
    token = sample.integer("audio_token_id", "audio_token_index")
    heard = sample["input_features"] is not None or sample["input_values"] is not None
    if token is not None and heard and sample.owner_of("get_audio_features"):
        count = features_of(sample, "get_audio_features")
        return with_placeholders(sample, token, count, *_around(sample, "audio"))
    return plain_ids(sample)


def _around(sample, kind):
    """The tokens that stand around placeholders, where a model has them."""
    return [value if isinstance(value, int) else None
            for value in (sample.find(f"{kind}_start_token_id"), sample.find(f"{kind}_end_token_id"))]


def attention_mask(sample):
    """Of the text, else of the sound."""
    if sample["input_ids"] is not None:
        return sample.ones(*sample["input_ids"].shape[:_rank(sample)])
    for name in ("input_features", "input_values"):
        if sample[name] is not None:
            return sound_mask(sample, name)
    return None


def _rank(sample):
    return len(_leading(sample)) + 1


def token_type_ids(sample):
    """Where pictures stand, in models that attend to them in both directions."""
    if sample["pixel_values"] is None or image_token(sample) is None:
        return None
    return (sample["input_ids"] == image_token(sample)).long()


def mm_token_type_ids(sample):
    if sample["pixel_values"] is None or image_token(sample) is None:
        return None
    return (sample["input_ids"] == image_token(sample)).int()


def boxes_of_words(sample):
    import torch

    limit = min(sample.integer("max_2d_position_embeddings", default=1024), 1000)
    place = torch.arange(sample.batch * text_length(sample)).reshape(sample.batch, -1)
    left, top = place * 5 % (limit // 2), place * 3 % (limit // 2)
    return torch.stack([left, top, left + place % 7 + 1, top + place % 5 + 1], dim=-1)


def decoder_ids(sample):
    if not getattr(sample.config, "is_encoder_decoder", False) or sample.class_name.endswith(_WITHOUT_DECODER_TOKENS):
        return None
    part = sample.part("decoder", "text_config")
    ids = sample.tokens(sample.batch, 5, vocabulary=sample.integer("vocab_size", part=part))
    start = sample.integer("decoder_start_token_id", "bos_token_id")
    if start is not None:
        ids[:, 0] = start
    return ids


def like_text(sample):
    """As many tokens of another kind as there are words."""
    return sample.tokens(sample.batch, text_length(sample), vocabulary=100)


def last_token(sample):
    """Where each choice ends."""
    return sample.filled(text_length(sample) - 1, *_leading(sample))


MAKERS = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids,
          "mm_token_type_ids": mm_token_type_ids, "bbox": boxes_of_words, "decoder_input_ids": decoder_ids,
          "mc_token_ids": last_token}
