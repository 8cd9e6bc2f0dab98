"""Random weights that leave nothing zero or one."""

import re

import torch

# Parameters whose values mean something: they get a little noise only.
KEEP_INIT = re.compile(r"A_log|dt_bias|(^|\.)D$|time_decay|time_first|a_param|recurrent_param|inv_freq|logit_scale|"
                       r"log_a|decay|rel_pos_h_|igate|fgate|temperature|\.sigma|spline|reference_points|"
                       r"sampling_offsets")


def randomize(model, seed):
    """Gives every parameter values of a scale that keeps activations alive."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in sorted(dict(model.named_parameters()).items()):
        if not p.is_floating_point() or p.numel() == 0:
            continue
        noise = torch.randn(p.shape, generator=generator, dtype=torch.float32)
        data = p.data.float()
        bad = not bool(torch.isfinite(data).all()) or float(data.abs().max() if data.numel() else 0) > 1e4
        if bad:
            data = torch.zeros_like(data)
        if KEEP_INIT.search(name):
            p.data = (data + 0.02 * noise).to(p.dtype)
        elif p.dim() < 2 or p.numel() == max(p.shape):
            p.data = (data + 0.1 * noise).to(p.dtype)
        else:
            fan_in = p[0].numel() if p.dim() != 3 else p.shape[-1] * (p.shape[-2] if p.shape[-1] <= 16 else 1)
            std = min(0.2, max(0.05, fan_in**-0.5))
            p.data = (std * noise).to(p.dtype)
    for name, b in sorted(dict(model.named_buffers()).items()):
        if name.endswith("running_mean"):
            b.copy_(0.1 * torch.randn(b.shape, generator=generator))
        elif name.endswith("running_var"):
            b.copy_(0.5 + torch.rand(b.shape, generator=generator))
