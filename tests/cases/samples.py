"""Inputs that the export makes up: of the classes that mean more than text and one picture, at other sizes than the
sample's."""

import torch
from case import TEXT, Case, noise, pictures, text, tiny

VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
          "image_size": 32, "patch_size": 8}
FILM = {**VISION, "num_frames": 4}
RESNET = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1],
          "layer_type": "basic", "out_features": ["stage4"]}
DETR = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 48,
        "decoder_attention_heads": 4, "decoder_ffn_dim": 48, "num_queries": 5, "backbone_config": RESNET}
LAYOUT = {**TEXT, "max_position_embeddings": 66, "input_size": 32, "patch_size": 8, "coordinate_size": 6,
          "shape_size": 4, "max_2d_position_embeddings": 64, "rel_pos_bins": 8, "max_rel_pos": 16,
          "rel_2d_pos_bins": 8, "max_rel_2d_pos": 16}


def films(batch):
    return {"pixel_values": noise(batch, 4, 3, 32, 32)}


def masked_picture(batch, height, width):
    """The first picture is padded below and to the right."""
    mask = torch.ones(batch, height, width, dtype=torch.int64)
    mask[0, height * 2 // 3:] = 0
    mask[0, :, width * 3 // 4:] = 0
    return {**pictures(batch, height, width), "pixel_mask": mask}


def page(batch, length):
    corners = torch.arange(batch * length).reshape(batch, length)
    boxes = torch.stack([corners % 20, corners % 30, corners % 20 + 9, corners % 30 + 5], dim=-1)
    return {**text(batch, length, "right"), "bbox": boxes, **pictures(batch, 32)}


CASES = [
    *(Case(f"{kind}-films", tiny(kind, name, **FILM, **more), calls=[films(1), films(3)], formats=("onnx",))
      for kind, name, more in (("videomae", "VideoMAEForVideoClassification", {}),
                               ("vivit", "VivitForVideoClassification", {"tubelet_size": [2, 8, 8]}),
                               ("timesformer", "TimesformerForVideoClassification", {}))),
    Case("detr-padded-pictures", tiny("detr", "DetrForObjectDetection", **DETR),
         calls=[masked_picture(1, 64, 96), masked_picture(3, 96, 80)]),
    Case("layoutlmv3-pages", tiny("layoutlmv3", "LayoutLMv3ForTokenClassification", **LAYOUT),
         calls=[page(1, 3), page(3, 20)], formats=("dynamo", "onnx")),
    Case("blip-retrieval", tiny("blip", "BlipForImageTextRetrieval", text_config={**TEXT, "encoder_hidden_size": 32},
                                vision_config=VISION, projection_dim=16, image_text_hidden_size=16),
         calls=[{**text(b, s, "right"), **pictures(b, 32)} for b, s in ((1, 3), (3, 20))], formats=("onnx",)),
    Case("ast-sounds", tiny("audio-spectrogram-transformer", "ASTForAudioClassification", **VISION, num_mel_bins=32,
                            max_length=64, frequency_stride=8, time_stride=8),
         calls=[{"input_values": noise(batch, 64, 32)} for batch in (1, 3)], formats=("onnx",)),
]
