"""Changes to models that cannot be traced as they are written, beyond those of transformers' own exporters. Each is
undone when the trace ends."""

import contextlib
import inspect

from . import (anyres_images, batches, blocks, caches, chosen_places, chunk_states, compressed_windows, full_masks,
               grid_towers, hashed_attention, heads, packed_images, picture_sizes, relative_windows, resized_grids,
               rope_frequencies, rope_positions, scans, sliding_windows, sparse_attention, sparse_blocks, vision_grids,
               waveforms)
from .replacing import model_modules, modeling, replaced


def grouped_matmul(input, weight, offs):
    """transformers::grouped_mm_fallback: rows sorted by group, each group with a weight of its own. The sizes of the
    groups depend on data, so every group's product is taken over all rows and the rows of the others are left out."""
    import torch

    rows = torch.arange(input.size(0)).unsqueeze(-1)
    total, start = None, 0
    for group in range(weight.size(0)):
        end = offs[group]
        inside = (rows >= start) & (rows < end)
        product = torch.where(inside, torch.mm(input, weight[group]), 0.0)
        total = product if total is None else total + product
        start = end
    return total


def every_expert(forward):
    """A forward that loops over the experts that some token has chosen (`nonzero` of the counts): over all of them,
    those without tokens add nothing."""

    def patched(self, *args, **kwargs):
        import torch

        def every_index(tensor, as_tuple=False):
            return torch.arange(min(tensor.shape[0], getattr(self, "num_experts", tensor.shape[0]))).unsqueeze(-1)

        with replaced(torch.Tensor, "nonzero", every_index):
            return forward(self, *args, **kwargs)

    return patched


_EXPERT_LOOPS = (("dbrx", "DbrxExperts"), ("longcat_flash", "LongcatFlashExperts"),
                 ("openai_privacy_filter", "OpenAIPrivacyFilterExperts"))


def expert_loops():
    """[(class, name, value)] for the families that are loaded."""
    found = []
    for family, name in _EXPERT_LOOPS:
        module = modeling(family)
        if module is not None:
            found.append((getattr(module, name), "forward", every_expert(getattr(module, name).forward)))
    return found


def split_as_whole(method):
    """A method that splits rows by image, makes each part rows again and hands the list to torch.cat: the list may as
    well have one part. Sizes that it reads beside the parts are those of all images."""

    def patched(self, *args, **kwargs):
        from torch import Pieces, Table

        with replaced(Pieces, "as_whole", True), replaced(Table, "as_whole", True):
            return method(self, *args, **kwargs)

    return patched


_WHOLE_SPLITS = ("idefics2", "idefics3", "modernvbert", "ultravbert")  # others return the list


def whole_splits():
    """[(class, name, value)] for the modules that are loaded."""
    found = []
    for path, module in model_modules():
        if path.split(".")[2] not in _WHOLE_SPLITS:
            continue
        for owner in [value for value in vars(module).values() if isinstance(value, type)]:
            method = vars(owner).get("get_image_features") if owner.__module__ == path else None
            if method is not None and "split(num_real_images_per_batch.tolist())" in inspect.getsource(method):
                found.append((owner, "get_image_features", split_as_whole(method)))
    hunyuan = modeling("hunyuan_vl")
    if hunyuan is not None:
        tower = hunyuan.HunYuanVLVisionTransformer
        found.append((tower, "forward", split_as_whole(tower.forward)))
    return found


_TOPICS = (anyres_images, batches, blocks, caches, chosen_places, chunk_states, compressed_windows, full_masks,
           grid_towers, hashed_attention, heads, packed_images, picture_sizes, relative_windows, resized_grids,
           rope_positions, scans, sliding_windows, sparse_attention, waveforms)


def replacements(model):
    """[(owner, name, value)], all that apply to a model. Made of classes as they are before other patches."""
    from torch import library

    is_eager = getattr(model.config, "_attn_implementation", None) == "eager"
    found = [*vision_grids.replacements(is_eager), *rope_frequencies.replacements(model),
             *sparse_blocks.replacements(model)]
    for topic in _TOPICS:
        found += topic.replacements()
    found += [*expert_loops(), *whole_splits()]
    fallback = library._OPS.get("transformers::grouped_mm_fallback")
    if fallback is not None:
        from transformers.integrations import moe

        found += [(fallback, "function", grouped_matmul), (moe, "_can_use_grouped_mm", lambda *tensors: False)]
    return found


@contextlib.contextmanager
def applied(found):
    """For a while."""
    with contextlib.ExitStack() as undo:
        for owner, name, value in found:
            undo.enter_context(replaced(owner, name, value))
        yield
