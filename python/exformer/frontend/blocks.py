"""A sequence in blocks, at every length: what is missing to whole blocks is padded, by nothing where nothing is
missing, and what code decides by the length is a number of the graph."""

from .replacing import model_modules


def missing(length, size):
    """To the next multiple."""
    return -(-length // size) * size - length


def windows(tensor, step, count):
    """[batch, windows, count * step, ...]: overlapping stretches of [batch, length, ...], a step apart, which the
    models make as views of the same memory."""
    import torch

    parts = tensor.unflatten(1, (-1, step))
    number = parts.shape[1] - count + 1
    return torch.cat([parts[:, i:i + number] for i in range(count)], dim=2)


def exceeds(length, number):
    """[1]: whether there are more than so many."""
    import torch

    return torch.arange(length)[-1:] >= number


def at_once(forward_fn, chunk_size, chunk_dim, *input_tensors):
    """transformers' apply_chunking_to_forward: chunks save memory, and give the same."""
    return forward_fn(*input_tensors)


def replacements():
    """[(module, name, value)] for the families that are loaded."""
    return [(module, "apply_chunking_to_forward", at_once) for _, module in model_modules()
            if "apply_chunking_to_forward" in vars(module)]
