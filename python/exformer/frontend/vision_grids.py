"""What transformers computes from the sizes of images (`grid_thw`: frames, rows and columns of patches of each image),
image by image, here for all patches at once: the number of images and their sizes stay inputs of the program."""

import contextlib
import inspect
import sys

from .packing import parts, starts
from .replacing import model_modules, replaced


def tokens(grid_thw, merge):
    """Of each patch: its image, its frame there, its row and column. Patches of a frame are in blocks of merge x merge,
    which is one number or one for each image."""
    import torch

    frames, rows, columns = grid_thw.unbind(-1)
    image, within = parts(frames * rows * columns)
    rows, columns = rows[image], columns[image]
    if torch.is_tensor(merge):
        merge = merge[image]
    frame, within = within // (rows * columns), within % (rows * columns)
    in_column, in_row = within % merge, within // merge % merge
    block = within // (merge * merge)
    blocks = columns // merge
    return image, frame, block // blocks * merge + in_row, block % blocks * merge + in_column


def position_ids(grid_thw, spatial_merge_size, include_temporal=False, kwargs=None):
    """vision_utils.get_vision_position_ids"""
    import torch

    if kwargs is not None and (given := kwargs.pop("position_ids", None)) is not None:
        return given
    _, frame, row, column = tokens(grid_thw, spatial_merge_size)
    return torch.stack([frame, row, column] if include_temporal else [row, column], dim=-1)


def window_index(grid_thw, spatial_merge_size, window_size, patch_size, kwargs=None):
    """vision_utils.get_vision_window_index: the order that puts the merged patches of a window side by side, and where
    windows begin. Windows at the border are smaller; none is empty."""
    import torch

    if kwargs is not None:
        given = kwargs.pop("window_index", None), kwargs.pop("cu_window_seqlens", None)
        if None not in given:
            return given
    side = window_size // spatial_merge_size // patch_size
    most = 1 << 14  # windows along one side of an image
    merged = torch.cat([grid_thw[:, :1], grid_thw[:, 1:] // spatial_merge_size], dim=-1)
    image, frame, row, column = tokens(merged, 1)
    frames_before = starts(merged[:, 0])[image] + frame
    window = (frames_before * most + row // side) * most + column // side
    order = torch.argsort(window * (side * side) + row % side * side + column % side)
    window, places = window[order], torch.arange(order.shape[0])
    first = torch.nonzero((places == 0) | (window != window[(places - 1).clamp(min=0)]))[:, 0]
    bounds = torch.cat([first, torch.full((1,), order.shape[0], dtype=first.dtype)]) * spatial_merge_size**2
    return order, bounds.to(torch.int32)


def nearest_position_ids(target_sizes, num_patches_per_side, kwargs=None):
    """vision_utils.get_vision_nearest_position_ids"""
    import torch

    if kwargs is not None and (given := kwargs.pop("position_ids", None)) is not None:
        return given
    grid = torch.nn.functional.pad(target_sizes, (1, 0), value=1)
    image, _, row, column = tokens(grid, 1)
    bounds = torch.arange(1 / num_patches_per_side, 1.0, 1 / num_patches_per_side)
    rows = torch.bucketize(row / target_sizes[:, 0][image], bounds, right=True)
    columns = torch.bucketize(column / target_sizes[:, 1][image], bounds, right=True)
    return rows * num_patches_per_side + columns


def segment_attention(original):
    """Attention within segments of a packed sequence (`cu_seqlens`: where each begins): the classes take the sequence
    apart, transformers' export patch for them wants segments of one length. Here the whole is one segment and a mask
    keeps its parts apart, whatever their lengths are."""
    import torch

    functional = torch.nn.functional

    def forward(self, hidden_states, cu_seqlens=None, *args, **kwargs):
        if cu_seqlens is None:
            return original(self, hidden_states, *args, **kwargs)
        length = hidden_states.shape[-2]
        places = torch.arange(length, dtype=cu_seqlens.dtype)
        segment = (places[:, None] >= cu_seqlens[None, 1:]).sum(-1)
        mask = segment[:, None] == segment[None, :]
        plain = functional.scaled_dot_product_attention

        def masked(query, key, value, *rest, **options):
            return plain(query, key, value, *rest, **{**options, "attn_mask": mask, "is_causal": False})

        functional.scaled_dot_product_attention = masked
        try:
            ends = torch.zeros((), dtype=cu_seqlens.dtype), torch.full((), length, dtype=cu_seqlens.dtype)
            whole = torch.stack(ends)
            return original(self, hidden_states, whole, *args, **kwargs)
        finally:
            functional.scaled_dot_product_attention = plain

    return forward


# Encoders with helpers of their own over the grid: the caller computes what they give, as transformers' exporters do.
_OWN_HELPERS = ("get_vision_frame_index", "get_vision_temporal_merge_index")


@contextlib.contextmanager
def preparers_without_grids(model):
    """transformers' preparers add inputs that follow from others; those that are computed here are left out."""
    from transformers.exporters import utils

    from . import anyres_images, packed_images, rope_positions

    module = sys.modules[type(model).__module__]
    left_out = [] if any(hasattr(module, name) for name in _OWN_HELPERS) else [("grid_thw",)]
    if packed_images.is_packed(model) or anyres_images.is_tiled(model):
        left_out.append(("image_sizes",))
    preparers = utils._EXPORT_INPUT_PREPARERS.items()
    kept = {markers: prepare for markers, prepare in preparers if markers not in left_out}

    def without_positions(model, inputs):
        for markers, prepare in kept.items():
            if all(inputs.get(marker) is not None for marker in markers):
                prepare(model, inputs)

    with contextlib.ExitStack() as undo:
        undo.enter_context(replaced(utils, "_EXPORT_INPUT_PREPARERS", kept))
        if rope_positions.are_computed(model):
            undo.enter_context(replaced(utils, "precompute_export_inputs", without_positions))
        yield


def _loops_over_segments(value, path):
    """An attention class that takes a packed sequence apart."""
    if not isinstance(value, type) or value.__module__ != path or not value.__name__.endswith("Attention"):
        return False
    forward = vars(value).get("forward")
    return forward is not None and "cu_seqlens" in inspect.signature(forward).parameters and (
        "lengths.tolist(), dim=2" in inspect.getsource(forward))


def packed_attentions():
    """[(class, "forward", value)] for the modules that are loaded."""
    return [(value, "forward", segment_attention(value.forward))
            for path, module in model_modules()
            for value in list(vars(module).values()) if _loops_over_segments(value, path)]


def replacements(is_eager):
    """[(owner, name, value)]: for every module that has imported one of the helpers, and every class that loops. Eager
    attention has no place for a mask, so that it keeps transformers' patch."""
    from transformers import vision_utils
    from transformers.exporters import exporter_dynamo

    own = {"get_vision_position_ids": position_ids, "get_vision_window_index": window_index,
           "get_vision_nearest_position_ids": nearest_position_ids}
    packed = exporter_dynamo._reshaped_vision_attention_forward
    found = [] if is_eager else [(exporter_dynamo, "_reshaped_vision_attention_forward", segment_attention(packed))]
    for name, value in own.items():
        original = getattr(vision_utils, name)
        found += [(module, name, value) for path, module in list(sys.modules.items())
                  if path.startswith("transformers.") and vars(module).get(name) is original]
    if not is_eager:
        found += packed_attentions()
    return found
