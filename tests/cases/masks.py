"""Masks that close nothing, where transformers leaves them out, beside masks that do."""

from case import GROUPED, TEXT, Case, text, tiny

CALLS = [text(2, 7), text(1, 5), text(3, 9, "right"), text(2, 8, "left"), text(1, 1)]


def family(name, model_type, class_name, config=TEXT):
    """Exported from a text without padding and from one with it."""
    return [Case(f"{name}-from-a-{kind}-mask", tiny(model_type, class_name, **config), sample=sample, calls=CALLS)
            for kind, sample in (("full", text(2, 8)), ("padded", text(2, 8, "right")))]


CASES = [
    *family("aimv2-text", "aimv2_text_model", "Aimv2TextModel"),
    *family("clip-text", "clip_text_model", "CLIPTextModel"),
    *family("gpt-neox", "gpt_neox", "GPTNeoXForCausalLM"),
    *family("qwen2", "qwen2", "Qwen2Model", GROUPED),
]
