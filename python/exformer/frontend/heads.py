"""Heads that pool what each sample of a batch holds: all samples at once, so that their number stays an input."""

import functools
import inspect

from .replacing import model_modules, replaced


class Marked:
    """`states[marks, :]` of samples that all have as many marks: `view(batch, -1, width)[:, -1, :]` is what stands at
    the last one of each."""

    def __init__(self, states, marks):
        self.states, self.marks = states, marks
        self.shape = (states.shape[0] * marks.sum(1).min().item(), states.shape[2])

    def view(self, *sizes):
        return self

    def __getitem__(self, index):
        import torch

        if index[1] != -1:
            raise NotImplementedError("other marks than the last one")
        places = torch.where(self.marks, torch.arange(self.marks.shape[1]), 0).amax(1)
        places = places[:, None, None].expand(-1, 1, self.states.shape[2])
        return self.states.gather(1, places).squeeze(1)


class Kinds:
    """`unique_consecutive` of one number for each sample: one kind where all are alike."""

    def __init__(self, counts):
        self.counts = counts

    def numel(self):
        return 1 + (self.counts != self.counts[:1]).sum().item()


def last_end_token(forward):
    """A forward that takes the state at the last end token of each sample."""

    @functools.wraps(forward)
    def patched(self, *args, **kwargs):
        import torch

        take = torch.Tensor.__getitem__

        def marked(tensor, index):
            marks = index[0] if isinstance(index, tuple) and len(index) == 2 else None
            is_marks = isinstance(marks, torch.Tensor) and marks.dtype == torch.bool and marks.dim() == 2
            return Marked(tensor, marks) if is_marks and tensor.dim() == 3 else take(tensor, index)

        with replaced(torch.Tensor, "__getitem__", marked), replaced(torch, "unique_consecutive", Kinds):
            return forward(self, *args, **kwargs)

    return patched


class Stretches:
    """Frames of a batch, of which each sample has so many: their mean and standard deviation along time."""

    def __init__(self, frames, lengths):
        import torch

        lengths = torch.where(lengths < 0, lengths + frames.shape[1], lengths)  # as a slice takes them
        inside = torch.arange(frames.shape[1]) < lengths.unsqueeze(1)
        self.frames, self.inside = frames, inside.unsqueeze(-1)
        self.count = inside.sum(1, keepdim=True).to(frames.dtype)

    def _sum(self, values):
        import torch

        return torch.where(self.inside, values, 0.0).sum(1)

    def mean(self, dim):
        return self._sum(self.frames) / self.count

    def std(self, dim):
        squares = (self.frames - self.mean(dim).unsqueeze(1)).square()
        return (self._sum(squares) / (self.count - 1)).sqrt()


def statistics_at_once(forward):
    """A forward that takes mean and deviation of all frames where there is no mask, and goes sample by sample else: the
    model under it sees the mask, the head gets what takes them of each sample's frames."""

    @functools.wraps(forward)
    def patched(self, inputs=None, attention_mask=None, **kwargs):
        given = () if inputs is None else (inputs,)
        if attention_mask is None:
            return forward(self, *given, **kwargs)
        lengths = self._get_tdnn_output_lengths(self._get_feat_extract_output_lengths(attention_mask.sum(dim=1)))
        base, last = getattr(self, self.base_model_prefix), self.tdnn[-1]

        def masked(module, args, options):
            return args, {**options, "attention_mask": attention_mask}

        hooks = [base.register_forward_pre_hook(masked, with_kwargs=True),
                 last.register_forward_hook(lambda module, args, frames: Stretches(frames, lengths))]
        try:
            return forward(self, *given, **kwargs)
        finally:
            for hook in hooks:
                hook.remove()

    return patched


_BY_TEXT = (("torch.unique_consecutive(eos_mask.sum(1))", last_end_token),
            ("for i, length in enumerate(tdnn_output_lengths)", statistics_at_once))


def replacements():
    """[(class, name, value)] for the modules that are loaded."""
    found = []
    for path, module in model_modules():
        if not path.rpartition(".")[2].startswith("modeling_"):
            continue
        text = inspect.getsource(module)
        for part, patch in _BY_TEXT:
            if part not in text:
                continue
            for owner in vars(module).values():
                method = vars(owner).get("forward") if isinstance(owner, type) and owner.__module__ == path else None
                if method is not None and part in inspect.getsource(inspect.unwrap(method)):
                    found.append((owner, "forward", patch(method)))
    return found
