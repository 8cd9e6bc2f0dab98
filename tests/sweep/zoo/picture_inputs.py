"""Calls with pictures of several sizes and numbers for checkpoints of the sweep's zoo, whose own inputs have one
picture of one size per row."""

import inspect

import torch

LAYOUTS = [  # of each row: the (frames, rows, columns) of its pictures, in blocks of 4 x 4 patches
    [[(1, 4, 8), (1, 8, 4)], [(1, 4, 4)]],
    [[(1, 8, 12)]],
    [[(1, 4, 4)], [], [(1, 12, 4), (1, 4, 4), (1, 8, 8)]],
]


def _owner(model, method):
    inner = getattr(model, "model", None)
    return inner if hasattr(inner, method) else model


def _find(config, *names):
    for name in names:
        if getattr(config, name, None) is not None:
            return getattr(config, name)
    return None


def _token_counts(model, extras):
    """How many placeholders each picture has, by the model's own encoder."""
    method = _owner(model, "get_image_features").get_image_features
    accepted = inspect.signature(method).parameters
    with torch.no_grad():
        features = method(**{name: value for name, value in extras.items() if name in accepted})
    features = getattr(features, "pooler_output", features)
    return [part.shape[0] for part in features]


def with_text(model, sample, rows, extras, counts, generator):
    """input_ids with the placeholders of each row's pictures amid text; short rows end in padding."""
    config, sequences, counts = model.config, [], list(counts)
    image = _find(config, "image_token_id", "image_token_index")
    start = _find(config, "vision_start_token_id")
    for pictures in rows:
        tokens = torch.randint(3, 90, (2,), generator=generator).tolist()
        for _ in range(pictures):
            if start is not None:
                tokens.append(start)
            tokens += [image] * counts.pop(0) + torch.randint(3, 90, (3,), generator=generator).tolist()
        sequences.append(tokens)
    longest = max(map(len, sequences))
    ids = torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens in sequences])
    mask = torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in sequences])
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "mm_token_type_ids" in sample:
        inputs["mm_token_type_ids"] = (ids == image).to(sample["mm_token_type_ids"].dtype)
    return {**inputs, **extras}


def packed_grids(model, sample, layout, seed):
    """Patches of all pictures one after another, with grid_thw."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.tensor([picture for row in layout for picture in row])
    name = "grid_thw" if "grid_thw" in sample else "image_grid_thw"
    patches = sample["pixel_values"]
    pixels = torch.randn(int(grid.prod(-1).sum()), *patches.shape[1:], generator=generator)
    extras = {"pixel_values": pixels, name: grid}
    for merge_sizes in ("merge_sizes", "image_merge_sizes"):
        if merge_sizes in sample:
            extras[merge_sizes] = torch.tensor([(1, 2, 4)[i % 3] for i in range(len(grid))])
    if "input_ids" not in sample:
        return extras
    counts = _token_counts(model, extras)
    return with_text(model, sample, [len(row) for row in layout], extras, counts, generator)


def tiles(model, sample, layout, seed):
    """Llava-Next: tiles of each picture, padded to as many as the largest has, with the picture's own size."""
    from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

    generator, config = torch.Generator().manual_seed(seed), model.config
    sizes = [(rows * 13, columns * 11 + 1) for row in layout for _, rows, columns in row]
    side = config.vision_config.image_size
    most = max(image_size_to_num_patches(size, config.image_grid_pinpoints, side) for size in sizes)
    extras = {"pixel_values": torch.randn(len(sizes), most, 3, side, side, generator=generator),
              "image_sizes": torch.tensor(sizes)}
    counts = _token_counts(model, extras)
    return with_text(model, sample, [len(row) for row in layout], extras, counts, generator)


def padded_patches(model, sample, layout, seed):
    """Siglip 2: a row of patches for each picture, padded to the longest."""
    generator = torch.Generator().manual_seed(seed)
    shapes = torch.tensor([[rows, columns] for row in layout for _, rows, columns in row])
    counts = shapes.prod(-1)
    mask = (torch.arange(int(counts.max())) < counts[:, None]).long()
    patches = torch.randn(*mask.shape, sample["pixel_values"].shape[-1], generator=generator)
    extras = {"pixel_values": patches, "spatial_shapes": shapes, "pixel_attention_mask": mask}
    counts = _token_counts(model, extras)
    return with_text(model, sample, [len(row) for row in layout], extras, counts, generator)


def make(model, sample, layout, seed):
    """Whatever the sample call has."""
    kind = (padded_patches if "spatial_shapes" in sample else tiles if "image_sizes" in sample else packed_grids)
    return kind(model, sample, layout, seed)
