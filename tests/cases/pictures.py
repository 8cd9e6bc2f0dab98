"""Pictures of other sizes than the sample's: odd ones, tall and wide ones, smaller than a window, twice the sample."""

from case import Case, pictures, tiny

VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
          "image_size": 32, "patch_size": 8}
SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
ONE_WINDOW = {**SWIN, "image_size": 56, "patch_size": 2, "embed_dim": 8, "depths": [2, 2, 2], "num_heads": [1, 2, 2],
              "window_size": 7}  # as published: the last map is one window, which is not shifted
BACKBONE = {**VISION, "num_hidden_layers": 4, "out_features": ["stage1", "stage2", "stage3", "stage4"],
            "reshape_hidden_states": False}
RESNET = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1],
          "layer_type": "basic", "out_features": ["stage2", "stage3", "stage4"]}


def sizes(*shapes):
    return [pictures(*shape) for shape in shapes]


# From a sample of 32 x 32 or 64 x 64: of one side odd, wide, tall, twice as large, small.
AROUND_32 = sizes((1, 32), (3, 33, 47), (1, 61, 30), (2, 64), (1, 29, 32), (1, 17, 64))
AROUND_64 = sizes((1, 64), (3, 65, 77), (1, 120, 57), (1, 63, 96), (1, 41, 33))


def family(name, model_type, class_name, config, calls, sample=None):
    """Exported from two pictures of the first call's size, where no other sample is given."""
    sample = sample or pictures(2, *calls[0]["pixel_values"].shape[2:])
    return Case(name, tiny(model_type, class_name, **config), sample=sample, calls=calls)


CASES = [
    family("mobilenet-v1-sizes", "mobilenet_v1", "MobileNetV1ForImageClassification",
           {"image_size": 32, "depth_multiplier": 0.25}, AROUND_32),
    family("mobilenet-v2-sizes", "mobilenet_v2", "MobileNetV2ForImageClassification",
           {"image_size": 32, "depth_multiplier": 0.25}, AROUND_32),
    family("mobilenet-v2-segmentation-sizes", "mobilenet_v2", "MobileNetV2ForSemanticSegmentation",
           {"image_size": 64, "depth_multiplier": 0.25}, sizes((2, 64), (1, 97, 65), (1, 33, 90))),
    family("swin-sizes", "swin", "SwinForImageClassification", SWIN, AROUND_32),
    family("swin-odd-sample", "swin", "SwinModel", SWIN, AROUND_32, sample=pictures(2, 37, 61)),
    family("swin-one-window", "swin", "SwinForImageClassification", ONE_WINDOW,
           sizes((2, 56), (1, 64), (1, 56, 80), (1, 97, 65), (1, 30))),
    family("swinv2-sizes", "swinv2", "Swinv2ForImageClassification", SWIN, AROUND_32),
    family("mobilevit-sizes", "mobilevit", "MobileViTForImageClassification",
           {"hidden_sizes": [32, 48, 64], "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 40], "num_attention_heads": 4,
            "image_size": 64, "patch_size": 2, "aspp_out_channels": 16}, AROUND_64),
    family("dinov2-sizes", "dinov2", "Dinov2Model", VISION, AROUND_32),
    family("deformable-detr-sizes", "deformable_detr", "DeformableDetrForObjectDetection",
           {"backbone_config": RESNET, "d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "num_queries": 5},
           AROUND_64),
    family("eomt-dinov3-sizes", "eomt_dinov3", "EomtDinov3ForUniversalSegmentation",
           {**VISION, "image_size": 48, "patch_size": 4, "num_queries": 5, "num_blocks": 1, "num_upscale_blocks": 2},
           sizes((2, 48), (1, 48), (3, 48), (1, 64))),
    family("zoedepth-sizes", "zoedepth", "ZoeDepthForDepthEstimation",
           {"backbone_config": {**BACKBONE, "model_type": "beit"}, "neck_hidden_sizes": [8, 16, 24, 32],
            "fusion_hidden_size": 16, "bottleneck_features": 16, "bin_embedding_dim": 16,
            "num_attractors": [4, 2, 2, 1], "num_relative_features": 8}, AROUND_64),
    family("depth-anything-sizes", "depth_anything", "DepthAnythingForDepthEstimation",
           {"backbone_config": {**BACKBONE, "model_type": "dinov2"}, "patch_size": 8, "reassemble_hidden_size": 32,
            "neck_hidden_sizes": [8, 16, 24, 32], "fusion_hidden_size": 16, "head_hidden_size": 8}, AROUND_32),
    family("donut-sizes", "donut-swin", "DonutSwinModel", SWIN, AROUND_32),
    family("segformer-sizes", "segformer", "SegformerForSemanticSegmentation",
           {"hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 2, 3, 4], "depths": [1, 1, 1, 1],
            "decoder_hidden_size": 16}, AROUND_64),
    family("mask2former-sizes", "mask2former", "Mask2FormerForUniversalSegmentation",
           {"backbone_config": {**SWIN, "model_type": "swin", "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4],
                                "out_features": ["stage1", "stage2", "stage3", "stage4"]},
            "feature_size": 32, "mask_feature_size": 32, "hidden_dim": 32, "encoder_feedforward_dim": 48,
            "dim_feedforward": 48, "num_queries": 5, "decoder_layers": 3, "encoder_layers": 1,
            "num_attention_heads": 4}, AROUND_64),
]
