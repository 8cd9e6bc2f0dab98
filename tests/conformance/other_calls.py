"""Calls of other shapes than the sweep's for its checkpoints: one sample, one token, lengths on both sides of a
block."""

import torch

BLOCKS = [(1, 1), (3, 9), (2, 25)]  # batch and length


def _text(model, batch, length, generator):
    vocabulary = min(90, model.config.get_text_config().vocab_size)
    ids = torch.randint(3, vocabulary, (batch, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[-1, length - 2:] = 0 if length > 3 else 1
    return {"input_ids": ids, "attention_mask": mask}


def text(model, generator):
    return [_text(model, *shape, generator) for shape in BLOCKS]


def ids(model, generator):
    return [{"input_ids": call["input_ids"]} for call in text(model, generator)]


def seq2seq(model, generator):
    return [{**call, "decoder_input_ids": call["input_ids"][:, :4]} for call in text(model, generator)]


def series(model, generator):
    return [{"past_values": torch.randn(*shape, generator=generator)} for shape in ((1, 64), (5, 40), (2, 96))]


def boxes(model, generator):
    """Visual BERT: text and boxes, as many of one as of the other too."""
    calls = []
    for batch, length, count in ((1, 1, 1), (2, 20, 7), (1, 5, 5)):
        ones = torch.ones(batch, count, dtype=torch.int64)
        features = torch.randn(batch, count, model.config.visual_embedding_dim, generator=generator)
        calls.append({**_text(model, batch, length, generator), "visual_embeds": features,
                      "visual_attention_mask": ones, "visual_token_type_ids": ones})
    return calls


def audio(model, generator):
    """Granite Speech: frames of any number, and as many placeholders as they become."""
    calls = []
    for batch, frames in ((1, 8), (3, 17), (1, 63)):
        features = torch.randn(batch, frames, model.config.encoder_config.input_dim, generator=generator)
        count = model.model.get_audio_features(features).pooler_output.shape[1]
        tokens = torch.randint(3, 90, (batch, count + 4), generator=generator)
        tokens[:, 1:1 + count] = model.config.audio_token_id
        calls.append({"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "input_features": features})
    return calls


def layout(model, generator):
    """UDOP: words with boxes, the last one without."""
    calls = []
    for call in seq2seq(model, generator):
        corner = torch.rand(*call["input_ids"].shape, 2, generator=generator) * 40
        boxes = torch.cat([corner, corner + 5], -1).long()
        boxes[:, -1] = 0
        pixels = torch.randn(len(boxes), 3, 32, 32, generator=generator)
        calls.append({**call, "bbox": boxes, "pixel_values": pixels})
    return calls


def images(model, generator):
    return [{"pixel_values": torch.randn(*sizes, generator=generator)} for sizes in ((1, 3, 64, 64), (3, 3, 72, 96))]


def odd_images(model, generator):
    """Whose feature maps do not halve evenly."""
    sizes = ((1, 3, 36, 52), (3, 3, 66, 44), (2, 3, 50, 72))
    return [{"pixel_values": torch.randn(*each, generator=generator)} for each in sizes]
