"""Rotary frequencies that depend on the length of the sequence."""


def frequencies_of_the_call(forward):
    """A forward under transformers' dynamic_rope_update: dynamic NTK gets the frequencies of this call's length, as in
    a model that was not called before; up to the trained length they are the trained ones."""

    def patched(self, x, position_ids, layer_type=None):
        import torch
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

        kwargs = {} if layer_type is None else {"layer_type": layer_type}
        rope_type = self.rope_type if layer_type is None else self.rope_type[layer_type]
        if "dynamic" not in rope_type:
            return forward(self, x, position_ids, **kwargs)
        prefix = "" if layer_type is None else f"{layer_type}_"
        length = torch.max(position_ids) + 1
        inv_freq, _ = ROPE_INIT_FUNCTIONS[rope_type](self.config, x.device, seq_len=length, **kwargs)
        getattr(self, f"{prefix}inv_freq").copy_(inv_freq)
        return forward.__wrapped__(self, x, position_ids, **kwargs)

    return patched


def _is_dynamic(module):
    types = getattr(module, "rope_type", None)
    types = types.values() if isinstance(types, dict) else [types]
    return hasattr(type(module).forward, "__wrapped__") and any("dynamic" in str(each) for each in types)


def replacements(model):
    """[(class, name, value)]"""
    classes = dict.fromkeys(type(module) for module in model.modules() if _is_dynamic(module))
    return [(class_, "forward", frequencies_of_the_call(class_.forward)) for class_ in classes]
