"""Parts of vision towers that take the packed patches of each image apart, for all images at once: what a patch or a
block of patches reads is looked up by its place, so that the number of images and their sizes stay inputs."""

from .packing import parts, starts
from .replacing import modeling, model_modules
from .vision_grids import tokens


def starts_of(grid_thw):
    """Where the patches of each image begin."""
    return starts(grid_thw[:, 0] * grid_thw[:, 1] * grid_thw[:, 2])


def _merged(grid_thw, merge):
    import torch

    merge = merge.unsqueeze(-1) if torch.is_tensor(merge) else merge
    return torch.cat([grid_thw[:, :1], grid_thw[:, 1:] // merge], dim=-1)


def block_index(grid_thw, merge, first=None):
    """[blocks, merge * merge]: the patches of each block of merge x merge, where patches go row by row."""
    import torch

    image, frame, row, column = tokens(_merged(grid_thw, merge), 1)
    inner = torch.arange(merge * merge)
    rows, columns = row.unsqueeze(-1) * merge + inner // merge, column.unsqueeze(-1) * merge + inner % merge
    frame_size = grid_thw[:, 1] * grid_thw[:, 2]
    before = (starts_of(grid_thw) if first is None else first)[image] + frame * frame_size[image]
    return before.unsqueeze(-1) + rows * grid_thw[:, 2][image].unsqueeze(-1) + columns


def pixel_shuffle_index(grid_thw, merge_size, kwargs=None):
    """get_vision_pixel_shuffle_index of the muse family"""
    if kwargs is not None and (given := kwargs.pop("pixel_shuffle_index", None)) is not None:
        return given
    return block_index(grid_thw, merge_size).flatten()


def paddle_projector(self, image_features, image_grid_thw):
    """PaddleOCRProjector.forward"""
    features = self.pre_norm(image_features)[block_index(image_grid_thw, self.merge_kernel_size[0])]
    return self.linear_2(self.act(self.linear_1(features.flatten(1))))


def grid_convolution(self, hidden_states, grid_thw, **kwargs):
    """Lfm3VlVisionShortConv.forward: the convolution over each frame as a sum over the patches around each patch, in
    blocks of merge x merge as they are."""
    import torch

    grid, merge = grid_thw.tensor, self.spatial_merge_size
    input_gate, output_gate, gated = self.in_proj(hidden_states).chunk(3, dim=-1)
    gated = input_gate * gated
    image, frame, row, column = (place.unsqueeze(-1) for place in tokens(grid, merge))
    rows, columns = grid[:, 1][image], grid[:, 2][image]
    side = self.spatial_conv.kernel_size[0]
    tap = torch.arange(side * side)
    row, column = row + tap // side - side // 2, column + tap % side - side // 2
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    block = row // merge * (columns // merge) + column // merge
    within = (block * merge + row % merge) * merge + column % merge
    index = torch.where(inside, starts_of(grid)[image] + frame * rows * columns + within, 0)
    around = torch.where(inside.unsqueeze(-1), gated[index], 0.0)  # [patches, taps, width]
    weight = self.spatial_conv.weight.flatten(1).transpose(0, 1)
    return self.out_proj(output_gate * (around * weight).sum(1))


def pixel_unshuffle(self, hidden_states, grid_thw, merge_sizes):
    """VideoLlama3VisionModel.pixel_unshuffle: a bilinear resize of blocks of merge x merge patches to one is the mean
    of the patches around the middle of the block, which are one or four."""
    import torch

    merged = _merged(grid_thw, merge_sizes)
    image, *_ = tokens(merged, 1)
    merge = merge_sizes[image]
    block = torch.arange(image.shape[0]) - starts_of(merged)[image]
    first = starts_of(grid_thw)[image] + block * merge * merge
    low, high = (merge - 1) // 2, merge // 2
    corners = [hidden_states[first + row * merge + column] for row in (low, high) for column in (low, high)]
    return sum(corners) / 4


def hunyuan_patches(self, pixel_values, grid_thw):
    """HunYuanVLVisionPatchEmbed.forward: the learned grid is resized for each patch, not for each image."""
    from transformers.vision_utils import get_vision_interpolation_indices_and_weights as taps_of

    sizes = self.config.num_channels, self.patch_size, self.patch_size
    pixels = pixel_values.reshape(-1, *sizes).to(self.patch_embedding.weight.dtype)
    embeddings = self.patch_embedding(pixels).flatten(1)
    taps, weights = taps_of(grid_thw, self.position_edge, mode=self.config.interpolate_mode)
    table = self.position_embedding.weight[1:].float()
    positions = (table[taps] * weights.unsqueeze(-1)).sum(1)
    return (embeddings + positions.to(embeddings.dtype)).unsqueeze(0)


def hunyuan_merger(self, hidden_states, size):
    """HunYuanVLVisionPatchMerger.forward for all images: blocks of patches row by row, a separator behind each row, a
    token before each image and one behind it."""
    import torch

    rows, columns = size
    merge = self.spatial_merge_size
    grid = torch.stack([torch.ones_like(rows), rows, columns], dim=-1)
    patches = self.before_rms(hidden_states)[0]
    blocks = patches[block_index(grid, merge)].transpose(1, 2).unflatten(-1, (merge, merge))
    blocks = self.proj_out(self.proj_act(self.proj_conv(blocks))).flatten(1)

    rows, columns = rows // merge, columns // merge + 1
    counts = rows * columns + 2
    image, place = parts(counts)
    blocks_before = starts(rows * (columns - 1))
    rows, columns, counts = rows[image], columns[image], counts[image]
    row, column = (place - 1) // columns, (place - 1) % columns
    row = torch.minimum(row.clamp(min=0), rows - 1)
    is_separator = column == columns - 1
    block = blocks_before[image] + row * (columns - 1) + torch.where(is_separator, 0, column)
    merged = self.mlp(torch.where(is_separator.unsqueeze(-1), self.image_newline.to(blocks.dtype), blocks[block]))
    is_first, is_last = (place == 0).unsqueeze(-1), (place == counts - 1).unsqueeze(-1)
    merged = torch.where(is_last, self.image_end.to(merged.dtype), merged)
    merged = torch.where(is_first, self.image_begin.to(merged.dtype), merged)
    return self.after_rms(merged.unsqueeze(0))


def temporal_slicing(self, hidden_states, grid_thw):
    """Ernie4_5_VLMoeVariableResolutionResamplerModel._temporal_slicing: even frames of a clip beside odd ones, an image
    beside itself."""
    import torch

    merge = self.spatial_merge_size**2
    frames, sizes = grid_thw[:, 0], grid_thw[:, 1] * grid_thw[:, 2] // merge
    pairs = torch.where(frames > 1, frames // 2, 1)
    image, place = parts(pairs * sizes)
    size = sizes[image]
    even = starts(frames * sizes)[image] + place // size * 2 * size + place % size
    odd = even + torch.where(frames[image] > 1, size, 0)
    return torch.cat([hidden_states[even], hidden_states[odd]], dim=-1)


def lighton_features(self, pixel_values, image_sizes, **kwargs):
    """LightOnOcrModel.get_image_features, which loops over the images to find how many tokens each has."""
    import torch

    outputs = self.vision_encoder(pixel_values, image_sizes=image_sizes, return_dict=True, **kwargs)
    features = self.vision_projection(outputs.last_hidden_state.squeeze(0), image_sizes)
    side = self.config.vision_config.patch_size * self.config.spatial_merge_size
    outputs.pooler_output = torch.split(features, (image_sizes // side).prod(-1).tolist())
    return outputs


def lfm2_features(self, pixel_values, spatial_shapes, pixel_attention_mask, **kwargs):
    """Lfm2VlModel.get_image_features: each image has a row of patches, padded behind."""
    import torch

    outputs = self.vision_tower(pixel_values=pixel_values, spatial_shapes=spatial_shapes,
                                pixel_attention_mask=pixel_attention_mask, return_dict=True, **kwargs)
    features, factor = outputs.last_hidden_state, self.multi_modal_projector.factor
    images, length = features.shape[:2]
    grid = torch.cat([torch.ones_like(spatial_shapes[:, :1]), spatial_shapes], dim=-1)
    blocks = features.flatten(0, 1)[block_index(grid, factor, torch.arange(images) * length)]
    blocks = self.multi_modal_projector(blocks.unflatten(1, (factor, factor)))  # one block per call's image
    outputs.pooler_output = [blocks.flatten(0, 2)]
    return outputs


_METHODS = (
    ("ernie4_5_vl_moe", "Ernie4_5_VLMoeVariableResolutionResamplerModel", "_temporal_slicing", temporal_slicing),
    ("hunyuan_vl", "HunYuanVLVisionPatchEmbed", "forward", hunyuan_patches),
    ("hunyuan_vl", "HunYuanVLVisionPatchMerger", "forward", hunyuan_merger),
    ("lfm2_vl", "Lfm2VlModel", "get_image_features", lfm2_features),
    ("lfm3_vl", "Lfm3VlVisionShortConv", "forward", grid_convolution),
    ("lighton_ocr", "LightOnOcrModel", "get_image_features", lighton_features),
    ("paddleocr_vl", "PaddleOCRProjector", "forward", paddle_projector),
    ("video_llama_3", "VideoLlama3VisionModel", "pixel_unshuffle", pixel_unshuffle),
)


def replacements():
    """[(owner, name, value)] for the families that are loaded."""
    from transformers.utils.generic import can_return_tuple

    found = []
    for family, owner, name, value in _METHODS:
        module = modeling(family)
        if module is not None:
            value = can_return_tuple(value) if name == "get_image_features" else value
            found.append((getattr(module, owner), name, value))
    found += [(module, "get_vision_pixel_shuffle_index", pixel_shuffle_index) for _, module in model_modules()
              if hasattr(module, "get_vision_pixel_shuffle_index")]
    return found
