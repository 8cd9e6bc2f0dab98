"""Pixtral's way of packing images of many sizes into one sequence, for all images at once: `image_sizes` stays an
input, and so does the number of images."""

from .grid_towers import block_index
from .replacing import modeling
from .vision_grids import tokens


def pixtral_forward(self, pixel_values, image_sizes=None, **kwargs):
    """PixtralVisionModel.forward: the patches inside of each image, attending to their own image only."""
    import torch

    embeds = self.patch_conv(pixel_values.to(self.patch_conv.weight.dtype)).permute(0, 2, 3, 1)
    images, high, wide = embeds.shape[:3]
    row, column = torch.arange(high)[None, :, None], torch.arange(wide)[None, None, :]
    if image_sizes is None:
        inside = torch.ones(images, high, wide, dtype=torch.bool)
    else:
        sizes = torch.as_tensor(image_sizes) // self.patch_size
        inside = (row < sizes[:, 0, None, None]) & (column < sizes[:, 1, None, None])
    place = inside.nonzero()
    image, row, column = place[:, 0], place[:, 1], place[:, 2]
    hidden_states = self.ln_pre(embeds[image, row, column].unsqueeze(0))
    positions = self.patch_positional_embedding(hidden_states, torch.stack([row, column], dim=-1))
    lowest = torch.finfo(hidden_states.dtype).min
    mask = torch.where(image[:, None] == image[None, :], 0.0, lowest).to(hidden_states.dtype)[None, None]
    return self.transformer(hidden_states, attention_mask=mask, position_embeddings=positions, **kwargs)


def merger_forward(self, image_features, image_sizes):
    """Mistral3PatchMerger.forward: blocks of patches side by side, as torch's unfold lays them out."""
    import torch

    side = self.spatial_merge_size
    sizes = torch.as_tensor(image_sizes) // self.patch_size
    grid = torch.cat([torch.ones_like(sizes[:, :1]), sizes], dim=-1)
    blocks = image_features[block_index(grid, side)].transpose(1, 2)  # [blocks, width, places]
    return self.merging_layer(blocks.flatten(1))


_MERGERS = {"mistral3": "Mistral3PatchMerger", "lighton_ocr": "LightOnOcrPatchMerger",
            "mistral_large4": "MistralLarge4PatchMerger"}


def is_packed(model):
    """Whether the model has a tower of this kind."""
    return any(type(module).__name__ == "PixtralVisionModel" for module in model.modules())


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    from transformers.utils.generic import merge_with_config_defaults
    from transformers.utils.output_capturing import capture_outputs

    found = []
    pixtral = modeling("pixtral")
    if pixtral is not None:
        forward = merge_with_config_defaults(capture_outputs(pixtral_forward))
        found.append((pixtral.PixtralVisionModel, "forward", forward))
    for family, name in _MERGERS.items():
        module = modeling(family)
        if module is not None:
            found.append((getattr(module, name), "forward", merger_forward))
    return found
