"""Caches that are inputs: their length is a size, and may be 0."""


def seq_length(self):
    """DynamicLayer.get_seq_length, which asks whether there are elements: where there are none the length is 0 too."""
    return self.keys.shape[-2] if self.is_initialized and self.keys.dim() > 1 else 0


def replacements():
    """[(class, name, value)]"""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    # Sliding layers keep their full length: transformers' own exporters trace them as dynamic ones.
    return [(layer, "get_seq_length", seq_length) for layer in (DynamicLayer, DynamicSlidingWindowLayer)]
