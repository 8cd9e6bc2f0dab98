"""Heads that take what each sample holds for itself: any number of samples, of which a mask says how long they are."""

import torch
from case import SEQ2SEQ, TEXT, Case, noise, text, tiny, waveform

T5 = {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "pad_token_id": 0,
      "eos_token_id": 2, "decoder_start_token_id": 0}
XVECTOR = {"tdnn_dim": [16, 16], "tdnn_kernel": [3, 1], "tdnn_dilation": [1, 1], "xvector_output_dim": 8}
AUDIO = {**TEXT, **XVECTOR, "conv_dim": [16, 16], "conv_kernel": [8, 4], "conv_stride": [4, 2],
         "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4}
BERT_AUDIO = {**TEXT, **XVECTOR, "feature_projection_input_dim": 16}
TABLES = {**TEXT, "type_vocab_sizes": [3, 16, 16, 2, 16, 16, 10], "max_num_rows": 16, "max_num_columns": 8}


def ended(batch, length, ends=1):
    """Texts of several lengths that end with so many end tokens; padding behind."""
    flat = text(batch, length)
    for row in range(batch):
        end = length - row % 3
        flat["input_ids"][row, end:] = 0
        flat["attention_mask"][row, end:] = 0
        flat["input_ids"][row, [end - 1 - 2 * back for back in range(ends)]] = 2
    return flat


def frames(batch, length, padded=0):
    mask = torch.ones(batch, length, dtype=torch.int64)
    mask[0, length - padded:] = 0
    return {"input_features": noise(batch, length, 16), "attention_mask": mask}


def separated(batch, length):
    """A question, the separator, a context."""
    flat = text(batch, length)
    for row in range(batch):
        flat["input_ids"][row, 3 + row] = 95
    return flat


def table(batch, length):
    """Three tokens of a question, then cells of three columns and four rows."""
    places = torch.zeros(batch, length, 7, dtype=torch.int64)
    cells = torch.arange(batch * (length - 3)).reshape(batch, -1)
    places[:, 3:, 0], places[:, 3:, 1], places[:, 3:, 2] = 1, cells % 3 + 1, cells // 3 % 5
    return {**text(batch, length, "right"), "token_type_ids": places}


ENDED = {"sample": ended(2, 8), "calls": [ended(1, 3), ended(3, 20), ended(4, 12, ends=2), ended(2, 8)]}
# A text with two end tokens beside one with one: transformers refuses it, and so does the file.
UNEVEN = torch.tensor([[5, 2, 7, 2], [5, 6, 7, 2]])
SPOKEN = {"sample": waveform(2, 400, padded=120),
          "calls": [waveform(1, 333, padded=0), waveform(3, 520, padded=200), waveform(4, 400, padded=1)]}

CASES = [
    *(Case(f"{kind}-classification", tiny(kind, name, **config), **ENDED)
      for kind, name, config in (("bart", "BartForSequenceClassification", SEQ2SEQ),
                                 ("t5", "T5ForSequenceClassification", T5))),
    *(Case(f"{kind}-classification", tiny(kind, name, **config), formats=("onnx",), **ENDED)
      for kind, name, config in (("mbart", "MBartForSequenceClassification", SEQ2SEQ),
                                 ("umt5", "UMT5ForSequenceClassification", T5),
                                 ("plbart", "PLBartForSequenceClassification", SEQ2SEQ),
                                 ("mvp", "MvpForSequenceClassification", SEQ2SEQ))),
    Case("bart-uneven-ends", tiny("bart", "BartForSequenceClassification", **SEQ2SEQ), sample=ended(2, 8),
         calls=[{"input_ids": UNEVEN, "attention_mask": torch.ones_like(UNEVEN)}]),
    Case("wavlm-speakers", tiny("wavlm", "WavLMForXVector", **AUDIO), **SPOKEN),
    Case("wav2vec2-speakers", tiny("wav2vec2", "Wav2Vec2ForXVector", **AUDIO), formats=("onnx",), **SPOKEN),
    Case("wav2vec2-bert-speakers", tiny("wav2vec2-bert", "Wav2Vec2BertForXVector", **BERT_AUDIO), formats=("onnx",),
         sample=frames(2, 40, 9), calls=[frames(1, 33), frames(3, 52, 20)]),
    Case("big_bird-questions", tiny("big_bird", "BigBirdForQuestionAnswering", **TEXT, attention_type="original_full",
                                    sep_token_id=95),
         sample=separated(2, 24), calls=[separated(1, 17), separated(3, 40)]),
    Case("tapas-questions", tiny("tapas", "TapasForQuestionAnswering", **TABLES, num_aggregation_labels=4),
         sample=table(2, 12), calls=[table(1, 7), table(3, 30)]),
]
