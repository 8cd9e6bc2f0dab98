"""Llava-Next's way with images of any resolution, for all images at once: the best grid of tiles for each size, the
part of it that the image fills, row by row with a separator behind each, after the tokens of the whole image."""

from .packing import parts, starts
from .replacing import modeling


def best_resolutions(sizes, pinpoints):
    """[images, 2]: image_processing_utils.select_best_resolution of each (height, width)."""
    import torch

    high, wide = (size.double().unsqueeze(-1) for size in sizes.unbind(-1))
    highs, wides = torch.tensor([list(point) for point in pinpoints]).double().unbind(-1)
    scale = torch.minimum(wides / wide, highs / high)
    effective = torch.minimum((wide * scale).floor() * (high * scale).floor(), wide * high)
    most = 2**31  # pixels: the less wasted one of two that are as effective
    best = (effective * most - (wides * highs - effective)).argmax(-1)
    return torch.tensor([list(point) for point in pinpoints])[best]


def _unpadded(sizes, high, wide):
    """unpad_image: how many rows and columns are left out on each side of a grid of this size."""
    import torch

    image_high, image_wide = (size.double() for size in sizes.unbind(-1))
    is_wide = image_wide / image_high > wide.double() / high.double()
    near = 5e-8  # rounds to the seventh digit first
    rows = (image_high * (wide.double() / image_wide) + near).floor().long()
    columns = (image_wide * (high.double() / image_high) + near).floor().long()
    return torch.where(is_wide, (high - rows) // 2, 0), torch.where(is_wide, 0, (wide - columns) // 2)


class Packing:
    """Where each token of the packed images comes from. `is_tiled`: images that are more than themselves; `most`: how
    many times a tile's tokens the tiles may have before they are resized."""

    def __init__(self, sizes, config, tokens_per_tile, first_tile, is_tiled=None, most=None):
        import torch

        self.side = config.vision_config.image_size // config.vision_config.patch_size
        self.length, self.tiles_in_row = tokens_per_tile, None
        best = best_resolutions(sizes, config.image_grid_pinpoints) // config.vision_config.image_size
        high, wide = best[:, 0] * self.side, best[:, 1] * self.side
        top, left = _unpadded(sizes, high, wide)
        rows, columns = high - 2 * top, wide - 2 * left
        new_rows, new_columns = rows, columns
        if most is not None:
            ratio = ((rows * columns).double() / (most * self.side**2)).sqrt()
            is_resized = ratio > 1.1
            new_rows = torch.where(is_resized, (rows / ratio).floor().long(), rows)
            new_columns = torch.where(is_resized, (columns / ratio).floor().long(), columns)
        counts = tokens_per_tile + new_rows * (new_columns + 1)
        if is_tiled is not None:
            counts = torch.where(is_tiled, counts, tokens_per_tile + 1)
        self.image, place = parts(counts)
        self.first = first_tile[self.image] * tokens_per_tile
        self.is_base, self.place = place < tokens_per_tile, place
        self.tiles_in_row = best[:, 1][self.image]
        self.grid = [value[self.image] for value in (top, left, rows, columns, new_rows, new_columns)]
        place = (place - tokens_per_tile).clamp(min=0)
        width = self.grid[5] + 1
        self.row, self.column = place // width, place % width
        is_separator = self.column == self.grid[5]
        if is_tiled is not None:
            is_separator = is_separator | ~is_tiled[self.image]
        self.is_separator = ~self.is_base & is_separator
        self.is_resampled = most is not None

    def _source(self, row, column):
        """The token at a place in the tiles' grid."""
        import torch

        tile = 1 + row // self.side * self.tiles_in_row + column // self.side
        within = tile * self.length + row % self.side * self.side + column % self.side
        is_tile = ~(self.is_base | self.is_separator)
        return self.first + torch.where(is_tile, within, torch.where(self.is_base, self.place, 0))

    def _taps(self, place, size, new_size):
        """Bilinear: the two places that one is between, and how much the second one counts."""
        import torch

        scale = size.float() / new_size.float()
        place = (scale * (place.float() + 0.5) - 0.5).clamp(min=0.0)
        low = torch.minimum(place.floor().long(), size - 1)
        return (low, torch.minimum(low + 1, size - 1)), (place - low.float()).unsqueeze(-1)

    def pack(self, features, separator):
        """features: [tiles, tokens, width] of all images; [all tokens, width]"""
        import torch

        features = features.flatten(0, 1)
        top, left, rows, columns, new_rows, new_columns = self.grid
        if not self.is_resampled:
            packed = features[self._source(top + self.row, left + self.column)]
        else:
            row, by_row = self._taps(self.row, rows, new_rows)
            column, by_column = self._taps(self.column, columns, new_columns)
            by_row, by_column = by_row.to(features.dtype), by_column.to(features.dtype)
            lines = [torch.lerp(*(features[self._source(top + r, left + c)] for c in column), by_column) for r in row]
            packed = torch.lerp(*lines, by_row)
        return torch.where(self.is_separator.unsqueeze(-1), separator.to(features.dtype), packed)


def tile_counts(sizes, config):
    """How many tiles each image has, the whole image among them."""
    side = config.vision_config.image_size
    best = best_resolutions(sizes, config.image_grid_pinpoints)
    return -(-best[:, 0] // side) * -(-best[:, 1] // side) + 1


def image_features(self, pixel_values, image_sizes, vision_feature_layer=None, vision_feature_select_strategy=None,
                   vision_aspect_ratio=None, batch_num_images=None, **kwargs):
    """get_image_features of the family. Tiles that pad an image to as many as others have go through the tower too."""
    import torch

    is_tiled = most = None
    if batch_num_images is not None:
        is_tiled = torch.repeat_interleave(batch_num_images == 1, batch_num_images)
    if vision_aspect_ratio is not None:
        most = int(vision_aspect_ratio.strip("anyres_max_"))
    if pixel_values.dim() == 5:
        images, tiles = pixel_values.shape[:2]
        first_tile, pixel_values = torch.arange(images) * tiles, pixel_values.flatten(0, 1)
    elif pixel_values.dim() == 4:
        counts = tile_counts(image_sizes, self.config)
        counts = counts if is_tiled is None else torch.where(is_tiled, counts, 1)
        first_tile = starts(counts)
    else:
        raise ValueError(f"pixel_values of {pixel_values.dim()} dimensions, expected 4 or 5")
    outputs = self.vision_tower(pixel_values, return_dict=True, **kwargs)
    layers = [vision_feature_layer] if isinstance(vision_feature_layer, int) else vision_feature_layer
    features = torch.cat([outputs.hidden_states[layer] for layer in layers], dim=-1)
    if vision_feature_select_strategy == "default":
        features = features[:, 1:]
    features = self.multi_modal_projector(features)
    packing = Packing(image_sizes, self.config, features.shape[1], first_tile, is_tiled, most)
    outputs.pooler_output = [packing.pack(features, self.image_newline)]
    return outputs


_FAMILIES = {"llava_next": "LlavaNextModel", "llava_next_video": "LlavaNextVideoModel",
             "llava_onevision": "LlavaOnevisionModel"}


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
    from transformers.utils.output_capturing import select_hidden_states

    found = []
    for family, name in _FAMILIES.items():
        module = modeling(family)
        if module is not None:
            method = can_return_tuple(select_hidden_states("vision_feature_layer")(image_features))
            found.append((getattr(module, name), "get_image_features", merge_with_config_defaults(method)))
    return found


def is_tiled(model):
    """Whether the model has images of this kind."""
    return any(type(module).__name__ in _FAMILIES.values() for module in model.modules())
