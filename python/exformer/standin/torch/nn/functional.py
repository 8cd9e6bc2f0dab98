"""torch.nn.functional over the registry's ops."""

import math

from .. import _state
from .._symbols import SymInt, as_padding


def _call(name, *args, **kwargs):
    return _state.core.call(name, args, kwargs)


def _pair(value, count=2):
    return list(value) if isinstance(value, (tuple, list)) else [value] * count


def linear(input, weight, bias=None):
    return _call("linear", input, weight, bias)


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    padding_idx = -1 if padding_idx is None else padding_idx
    if padding_idx < -1:
        padding_idx += weight.size(0)
    return _call("embedding", weight, input, padding_idx)


def one_hot(tensor, num_classes=-1):
    if num_classes == -1:
        num_classes = int(tensor.max().item()) + 1
    classes = _call("arange", num_classes)
    return _call("eq", tensor.unsqueeze(-1), classes).long()


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    return _call("layer_norm", input, list(normalized_shape), weight, bias, eps)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    return _call("rms_norm", input, list(normalized_shape), weight, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    return _call("group_norm", input, num_groups, weight, bias, eps)


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training and running_mean is None:  # weights that are standardised
        dims = [dim for dim in range(input.dim()) if dim != 1]
        running_mean = input.mean(dims)
        running_var, training = _call("var", input, dims, correction=0), False
    return _call("batch_norm", input, weight, bias, running_mean, running_var, training, momentum, eps, True)


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-5):
    return _call("instance_norm", input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, True)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    raise NotImplementedError("local_response_norm")


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    return _call("softmax", input, -1 if dim is None else dim, dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    return _call("log_softmax", input, -1 if dim is None else dim, dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    raise NotImplementedError("gumbel_softmax draws random numbers")


def gelu(input, approximate="none"):
    return _call("gelu", input, approximate=approximate)


def _activation(name, op=None):
    op = op or name

    def function(input, *args, inplace=False, **kwargs):
        return _call(op, input, *args, **kwargs)

    function.__name__ = name
    return function


for _name in ("relu", "relu6", "silu", "elu", "selu", "celu", "leaky_relu", "hardtanh", "hardsigmoid", "hardswish",
              "mish", "sigmoid", "tanh", "softplus", "hardshrink", "softshrink", "prelu", "threshold", "glu"):
    globals()[_name] = _activation(_name)
logsigmoid = _activation("logsigmoid", "log_sigmoid")


def softsign(input):
    return input / (1 + input.abs())


def tanhshrink(input):
    return input - input.tanh()


def _dropout(input, p=0.5, training=True, inplace=False):
    if training and p:
        raise NotImplementedError("dropout in training mode is not exported")
    return input


dropout = dropout1d = dropout2d = dropout3d = alpha_dropout = feature_alpha_dropout = _dropout


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                 enable_gqa=False):
    return _call("scaled_dot_product_attention", query, key, value, attn_mask, float(dropout_p), bool(is_causal),
                 scale=scale, enable_gqa=bool(enable_gqa))


def _convolution(rank):
    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        padding = padding if isinstance(padding, str) else _pair(padding, rank)
        return _call(f"conv{rank}d", input, weight, bias, _pair(stride, rank), padding, _pair(dilation, rank), groups)

    return convolution


def _transposed_convolution(rank):
    def convolution(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return _call(f"conv_transpose{rank}d", input, weight, bias, _pair(stride, rank), _pair(padding, rank),
                     _pair(output_padding, rank), groups, _pair(dilation, rank))

    return convolution


conv1d, conv2d, conv3d = (_convolution(rank) for rank in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_transposed_convolution(rank) for rank in (1, 2, 3))


def _max_pool(rank):
    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        stride = kernel_size if stride is None else stride
        args = (_pair(kernel_size, rank), _pair(stride, rank), _pair(padding, rank), _pair(dilation, rank), ceil_mode)
        name = f"max_pool{rank}d_with_indices" if return_indices else f"max_pool{rank}d"
        return _call(name, input, *args)

    return pool


def _avg_pool(rank):
    def pool(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
             divisor_override=None):
        stride = kernel_size if stride is None else stride
        args = [_pair(kernel_size, rank), _pair(stride, rank), _pair(padding, rank), ceil_mode, count_include_pad]
        if rank > 1:
            args.append(divisor_override)
        return _call(f"avg_pool{rank}d", input, *args)

    return pool


max_pool1d, max_pool2d, max_pool3d = (_max_pool(rank) for rank in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = (_avg_pool(rank) for rank in (1, 2, 3))


def _adaptive(name, rank):
    def pool(input, output_size):
        sizes = _pair(output_size, rank)
        known = input.shape[-rank:]
        return _call(name, input, [known[i] if size is None else size for i, size in enumerate(sizes)])

    return pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (
    _adaptive(f"adaptive_avg_pool{rank}d", rank) for rank in (1, 2, 3))


def adaptive_max_pool1d(input, output_size):
    if output_size not in (1, (1,), [1]):
        raise NotImplementedError("adaptive_max_pool1d to another size than 1")
    return input.amax(-1, keepdim=True)


def adaptive_max_pool2d(input, output_size):
    if _pair(output_size) != [1, 1]:
        raise NotImplementedError("adaptive_max_pool2d to another size than 1")
    return input.amax([-2, -1], keepdim=True)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    area = math.prod(_pair(kernel_size))
    return (avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * area).pow(1.0 / norm_type)


def pad(input, pad, mode="constant", value=None):
    pad = [as_padding(item if isinstance(item, SymInt) or not hasattr(item, "item") else item.item()) for item in pad]
    return _call("pad", input, pad, mode, None if value is None else float(value))


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    rank = input.dim() - 2
    if size is not None:
        size = [item if isinstance(item, SymInt) else int(item) for item in _pair(size, rank)]
    if scale_factor is not None:
        scale_factor = [float(item) for item in _pair(scale_factor, rank)]
        if recompute_scale_factor or size is not None:
            size = [_scaled(input.size(i + 2), scale_factor[i]) for i in range(rank)]
            scale_factor = None
    names = {"nearest": f"upsample_nearest{rank}d", "nearest-exact": f"_upsample_nearest_exact{rank}d",
             "linear": "upsample_linear1d", "bilinear": "upsample_bilinear2d", "bicubic": "upsample_bicubic2d",
             "trilinear": "upsample_trilinear3d"}
    if mode == "area":
        return globals()[f"adaptive_avg_pool{rank}d"](input, size or [
            _scaled(input.size(i + 2), scale_factor[i]) for i in range(rank)])
    name = names[mode]
    if antialias:
        name = f"_{name}_aa"
    args = [input, size]
    if not mode.startswith("nearest"):
        args.append(bool(align_corners))
    return _call(name, *args, scale_factors=scale_factor)


def _scaled(size, factor):
    if factor == int(factor):
        return size * int(factor)
    if 1 / factor == int(1 / factor):
        return size // int(1 / factor)
    return math.floor(size * factor)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    return interpolate(input, size, scale_factor, mode, align_corners)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    modes, paddings = ["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"]
    return _call("grid_sampler", input, grid, modes.index(mode), paddings.index(padding_mode), bool(align_corners))


def affine_grid(theta, size, align_corners=None):
    from .._creation import linspace

    axes = []
    for length in size[2:]:
        edge = 1.0 if align_corners else 1.0 - 1.0 / int(length)
        axes.append(linspace(-edge, edge, int(length)))
    grids = _call("meshgrid", axes, indexing="ij")
    base = _call("stack", [*reversed(grids), grids[0] * 0 + 1], -1)
    flat = base.reshape(1, -1, len(axes) + 1)
    return flat.matmul(theta.transpose(1, 2)).reshape([size[0], *size[2:], len(axes)])


def pixel_shuffle(input, upscale_factor):
    *batch, channels, height, width = input.shape
    r = upscale_factor
    split = input.reshape([*batch, channels // (r * r), r, r, height, width])
    n = len(batch)
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return split.permute(order).reshape([*batch, channels // (r * r), height * r, width * r])


def pixel_unshuffle(input, downscale_factor):
    *batch, channels, height, width = input.shape
    r = downscale_factor
    split = input.reshape([*batch, channels, height // r, r, width // r, r])
    n = len(batch)
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return split.permute(order).reshape([*batch, channels * r * r, height // r, width // r])


def channel_shuffle(input, groups):
    batch, channels, *rest = input.shape
    return input.reshape([batch, groups, channels // groups, *rest]).transpose(1, 2).reshape(input.shape)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    kernel, dilation, padding, stride = (_pair(value) for value in (kernel_size, dilation, padding, stride))
    if dilation != [1, 1]:
        raise NotImplementedError("unfold with a dilation")
    padded = _call("constant_pad_nd", input, [padding[1], padding[1], padding[0], padding[0]], 0)
    windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])  # [batch, c, h, w, kh, kw]
    batch, channels, height, width = windows.shape[:4]
    return windows.permute(0, 1, 4, 5, 2, 3).reshape(batch, channels * kernel[0] * kernel[1], height * width)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    norm = _call("linalg_vector_norm", input, p, _pair(dim, 1), True)
    return input / norm.clamp_min(eps).expand_as(input)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    a = x1 / _call("linalg_vector_norm", x1, 2, [dim], True).clamp_min(eps)
    b = x2 / _call("linalg_vector_norm", x2, 2, [dim], True).clamp_min(eps)
    return (a * b).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    return _call("linalg_vector_norm", x1 - x2 + eps, p, [-1], keepdim)


def _loss(name):
    def loss(*args, **kwargs):
        raise NotImplementedError(f"{name}: losses are not exported")

    loss.__name__ = name
    return loss


def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
                  sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    if input.dim() != 2 or mode not in ("sum", "mean") or padding_idx is not None:
        raise NotImplementedError("embedding_bag of anything but rows of a fixed length")
    rows = _call("embedding", weight, input)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    return rows.sum(1) if mode == "sum" else rows.mean(1)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    high, wide = _pair(kernel_size, 2)
    if [high, wide] != _pair(stride, 2) or set(_pair(dilation, 2)) != {1} or set(_pair(padding, 2)) != {0}:
        raise NotImplementedError("fold of blocks that overlap or leave gaps")
    rows, columns = _pair(output_size, 2)
    batch, channels = input.size(0), input.size(1) // (high * wide)
    down, across = rows // high, columns // wide
    blocks = input.reshape(batch, channels, high, wide, down, across).permute(0, 1, 4, 2, 5, 3)
    image = blocks.reshape(batch, channels, down * high, across * wide)
    return pad(image, (0, columns - across * wide, 0, rows - down * high))  # what no block covers is 0


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    return _reduced((input - target) ** 2, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    return _reduced((input - target).abs(), reduction)


def _reduced(losses, reduction):
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


for _name in ("cross_entropy", "nll_loss", "smooth_l1_loss", "huber_loss", "kl_div",
              "binary_cross_entropy", "binary_cross_entropy_with_logits", "ctc_loss", "cosine_embedding_loss",
              "margin_ranking_loss", "triplet_margin_loss", "poisson_nll_loss"):
    globals()[_name] = _loss(_name)


def multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias,
                                 bias_k, bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias,
                                 training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
                                 use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None,
                                 v_proj_weight=None, static_k=None, static_v=None, average_attn_weights=True,
                                 is_causal=False):
    from ._attention import attend

    if bias_k is not None or add_zero_attn or static_k is not None:
        raise NotImplementedError("multi_head_attention_forward with bias_k, zero attention or static keys")
    if not use_separate_proj_weight:
        q_proj_weight, k_proj_weight, v_proj_weight = in_proj_weight.chunk(3)
    return attend(query, key, value, num_heads, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias,
                  out_proj_weight, out_proj_bias, key_padding_mask, need_weights, attn_mask, average_attn_weights)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    from .._absent import absent

    return absent("torch.nn.functional", name)


