"""Parts of many sizes one behind the other in one dim, as patches of images are."""


def starts(counts):
    """Where each part begins."""
    return counts.cumsum(0) - counts


def parts(counts):
    """Of each element: which part it belongs to, and its place there."""
    import torch

    part = torch.repeat_interleave(torch.arange(counts.shape[0]), counts)
    return part, torch.arange(part.shape[0]) - starts(counts)[part]
