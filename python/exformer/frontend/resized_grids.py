"""Learned position grids resized to each image (bilinear, antialiased): what each patch gets is computed from its row
and column, in place of a resize per image."""

from .replacing import modeling
from .vision_grids import tokens


def _weights(place, size, side):
    """How much each of the `side` learned places counts for a patch at `place` of `size`: a triangle as wide as the
    resize shrinks, and one place wide where it does not."""
    import torch

    scale = side / size.float()
    centre = scale * (place.float() + 0.5)
    taps = torch.arange(side).float() + 0.5
    weights = (1 - ((taps - centre.unsqueeze(-1)) / scale.clamp(min=1.0).unsqueeze(-1)).abs()).clamp(min=0.0)
    return weights / weights.sum(-1, keepdim=True)


def _resized(grid, row, column, rows, columns):
    """grid: [side, side, width]; the others: one number for each patch."""
    side = grid.shape[0]
    both = _weights(row, rows, side).unsqueeze(-1) * _weights(column, columns, side).unsqueeze(-2)
    return (both.flatten(-2) @ grid.reshape(side * side, -1).float()).to(grid.dtype)


def padded(positional_embeddings, spatial_shapes, max_length):
    """Siglip2VisionEmbeddings.resize_positional_embeddings: rows of patches, padded with the first one."""
    import torch

    rows, columns = spatial_shapes[:, :1], spatial_shapes[:, 1:]
    patch = torch.arange(max_length).unsqueeze(0)
    patch = torch.where(patch < rows * columns, patch, 0)
    return _resized(positional_embeddings, patch // columns, patch % columns, rows, columns)


def packed(positional_embeddings, grid_thw, spatial_merge_size):
    """Cosmos3EdgeVisionEmbeddings.resize_positional_embeddings: patches of all images one after another."""
    image, _, row, column = tokens(grid_thw, spatial_merge_size)
    return _resized(positional_embeddings, row, column, grid_thw[:, 1][image], grid_thw[:, 2][image])


_CLASSES = {"siglip2": ("Siglip2VisionEmbeddings", padded), "cosmos3_edge": ("Cosmos3EdgeVisionEmbeddings", packed)}


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    found = []
    for family, (name, function) in _CLASSES.items():
        module = modeling(family)
        if module is not None:
            found.append((getattr(module, name), "resize_positional_embeddings", staticmethod(function)))
    return found
