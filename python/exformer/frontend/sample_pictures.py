"""Made-up pictures and films: of the size that the config or the preprocessor gives, whole or cut into patches."""

_VISION_PARTS = ("vision_config", "backbone_config", "vision_encoder_config", "encoder")
_FREE_SIZE = (128, 160)  # of models that take any: sides that differ
_GRIDS = ((1, 4, 6), (1, 6, 4))  # of as many patches, so that texts are as long as each other


def vision(sample):
    return sample.part(*_VISION_PARTS)


def _two_sides(value):
    """(height, width) of the forms in which configs and preprocessors write sizes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    if isinstance(value, (list, tuple)) and len(value) >= 2 and all(isinstance(side, int) for side in value):
        return tuple(value[-2:])
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _two_sides(value[0])
    if isinstance(value, dict) and "height" in value:
        return value["height"], value["width"]
    return None


def picture_size(sample):
    given = sample.find("image_size", "img_size", "input_size", "crop_size", "max_img_size", part=vision(sample))
    for value in (given, sample.preprocessor.get("crop_size"), sample.preprocessor.get("size")):
        if (sides := _two_sides(value)) is not None:
            return sides
    return _FREE_SIZE


def channels(sample):
    return sample.integer("num_channels", "in_channels", "in_chans", "image_channels", part=vision(sample), default=3)


def frame_count(sample):
    return sample.integer("num_frames", "frames_per_clip", part=vision(sample), default=4)


def _size_by_name(sample, name):
    """One size of an argument, by what the model's code calls it."""
    name = name.lower()
    height, width = picture_size(sample)
    if "height" in name or name.endswith("_h"):
        return height
    if "width" in name or name.endswith("_w"):
        return width
    if "channel" in name:
        return channels(sample)
    if "frame" in name or "temporal" in name:
        return frame_count(sample)
    if "tile" in name:
        return sample.integer("max_num_tiles", part=vision(sample), default=1)
    return sample.batch if "batch" in name else 1


def picture(sample, name="pixel_values"):
    """[batch, channels, height, width], or what the model's code unpacks."""
    if grid_of(sample) is not None:
        return packed_patches(sample)
    if placed_patches(sample):
        return sample.numbers(sample.batch, _PLACED[0][0] * _PLACED[0][1], patch_width(sample))
    sizes = sample.written_sizes(name)
    if sizes is not None and len(sizes) > 4:
        known = [_size_by_name(sample, size) for size in sizes]
        return sample.numbers(sample.batch, *known[1:])
    if tiles(sample):
        return sample.numbers(sample.batch, tiles(sample) + 1, channels(sample), *picture_size(sample))
    return plain_picture(sample)


def plain_picture(sample):
    return sample.numbers(sample.batch, channels(sample), *picture_size(sample))


def film(sample, name="pixel_values_videos"):
    if "pixel_values" in sample.names:
        return None  # a picture is enough
    return sample.numbers(sample.batch, frame_count(sample), channels(sample), *picture_size(sample))


# ---- pictures of many sizes: a grid of patches each, all in one dim
_GRID_NAMES = ("image_grid_thw", "grid_thw", "image_grid_hw")


def grid_of(sample):
    """The name of the argument that says how each picture's patches lie."""
    return next((name for name in _GRID_NAMES if name in sample.names), None)


def grids(sample):
    import torch

    pair = torch.tensor(_GRIDS, dtype=torch.int64)
    return pair[:, 1:] if grid_of(sample) == "image_grid_hw" else pair


def patch_width(sample):
    """Numbers of one patch."""
    deep = sample.integer("temporal_patch_size", "patch_temporal", part=vision(sample), default=1)
    return channels(sample) * deep * sample.integer("patch_size", part=vision(sample)) ** 2


def packed_patches(sample):
    return sample.numbers(sum(time * height * width for time, height, width in _GRIDS), patch_width(sample))


def merge_sizes(sample):
    return sample.filled(2, len(_GRIDS))


def hidden_patches(sample):
    """Of vision towers that are called by themselves."""
    return packed_patches(sample) if grid_of(sample) is not None else None


# ---- patches of each picture of a batch, with their places
_PLACED = ((2, 6), (6, 2))


def placed_patches(sample):
    return any(name in sample.names for name in ("spatial_shapes", "image_position_ids", "pixel_position_ids"))


def spatial_shapes(sample):
    import torch

    return torch.tensor(_PLACED, dtype=torch.int64)


def patch_places(sample):
    """Column and row of each patch."""
    import torch

    return torch.tensor([[[place % width, place // width] for place in range(height * width)]
                         for height, width in _PLACED], dtype=torch.int64)


# ---- pictures cut into tiles
def tiles(sample):
    """How many tiles Llava-Next's way makes of the picture that `image_sizes` describes."""
    pinpoints = sample.find("image_grid_pinpoints")
    if not pinpoints or "image_sizes" not in sample.names:
        return 0
    side = picture_size(sample)[0]
    height, width = min(pinpoints, key=lambda pair: pair[0] * pair[1])
    return (height // side) * (width // side)


def image_sizes(sample):
    import torch

    if sample.find("image_grid_pinpoints"):
        sides = min(sample.find("image_grid_pinpoints"), key=lambda pair: pair[0] * pair[1])
    else:
        sides = picture_size(sample)
    return torch.tensor([list(sides)] * sample.batch, dtype=torch.int64)


# ---- masks
def pixel_mask(sample):
    pixels = sample["pixel_values"]
    return None if pixels is None or pixels.dim() < 4 else sample.ones(pixels.shape[0], *pixels.shape[-2:])


def pixel_attention_mask(sample):
    """Of pictures in a batch of texts each, or of patches."""
    pixels = sample["pixel_values"]
    if pixels is None:
        return None
    sizes = (*pixels.shape[:2], *pixels.shape[-2:]) if pixels.dim() == 5 else pixels.shape[:2]
    return sample.ones(*sizes).bool() if pixels.dim() == 5 else sample.ones(*sizes)


def masked_patches(sample):
    """Every third one; only heads that fill them in need it."""
    if not sample.class_name.endswith("ForMaskedImageModeling"):
        return None
    import torch

    height, width = picture_size(sample)
    patch = sample.integer("patch_size", part=vision(sample))
    count = (height // patch) * (width // patch)
    return (torch.arange(count) % 3 == 0).unsqueeze(0).expand(sample.batch, count).contiguous()


# ---- where to look
def points(sample):
    """Two points of one object: (batch, objects, points, 2)."""
    if sample["pixel_values"] is None:
        return None
    return sample.fractions(sample.batch, 1, 2, 2) * picture_size(sample)[0]


def point_labels(sample):
    return None if sample["input_points"] is None else sample.ones(*sample["input_points"].shape[:-1])


MAKERS = {"spatial_shapes": spatial_shapes, "image_position_ids": patch_places, "pixel_position_ids": patch_places,
          "pixel_values": picture, "pixel_values_videos": film, "image_grid_thw": grids, "grid_thw": grids,
          "image_grid_hw": grids, "image_merge_sizes": merge_sizes, "merge_sizes": merge_sizes,
          "hidden_states": hidden_patches, "image_sizes": image_sizes, "pixel_mask": pixel_mask,
          "pixel_attention_mask": pixel_attention_mask, "bool_masked_pos": masked_patches, "input_points": points,
          "input_labels": point_labels}
