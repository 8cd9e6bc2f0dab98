"""Multi-head attention as torch's nn.MultiheadAttention does it, of plain ops."""

import math

from .. import _state


def _call(name, *args, **kwargs):
    return _state.core.call(name, args, kwargs)


def _as_bias(mask, dtype):
    """A mask that is added to the scores: True means "do not look here"."""
    if mask is None or mask.dtype.is_floating_point:
        return mask
    zeros = _call("zeros_like", mask, dtype=dtype)
    return zeros.masked_fill(mask, float("-inf"))


def attend(query, key, value, num_heads, weights, in_bias, out_weight, out_bias, key_padding_mask, need_weights,
           attn_mask, average):
    """[length, batch, width] in and out; weights of the attention [batch, length, length] when they are wanted."""
    is_batched = query.dim() == 3
    if not is_batched:
        query, key, value = (tensor.unsqueeze(1) for tensor in (query, key, value))
    target, batch, width = query.shape
    source = key.shape[0]
    head = width // num_heads
    biases = in_bias.chunk(3) if in_bias is not None else (None, None, None)
    query, key, value = (_call("linear", tensor, weight, bias)
                         for tensor, weight, bias in zip((query, key, value), weights, biases))

    def split(tensor, length):  # [batch, heads, length, head]
        return tensor.reshape(length, batch, num_heads, head).permute(1, 2, 0, 3)

    query, key, value = split(query, target), split(key, source), split(value, source)
    bias = _as_bias(attn_mask, query.dtype)
    if bias is not None:
        bias = bias.reshape(batch, num_heads, target, source) if bias.dim() == 3 else bias.reshape(1, 1, target, source)
    if key_padding_mask is not None:
        padding = _as_bias(key_padding_mask, query.dtype).reshape(batch, 1, 1, source)
        bias = padding if bias is None else bias + padding
    probabilities = None
    if need_weights:
        scores = (query * math.sqrt(1.0 / head)).matmul(key.transpose(-2, -1))
        probabilities = _call("softmax", scores if bias is None else scores + bias, -1)
        output = probabilities.matmul(value)
        probabilities = probabilities.mean(1) if average else probabilities
        if not is_batched:
            probabilities = probabilities.squeeze(0)
    else:
        output = _call("scaled_dot_product_attention", query, key, value, bias, 0.0, False)
    output = _call("linear", output.permute(2, 0, 1, 3).reshape(target, batch, width), out_weight, out_bias)
    return output if is_batched else output.squeeze(1), probabilities
