"""Checkpoints whose weights are stored in an unusual way, or whose code lies beside them."""

import os

from case import GROUPED, TEXT, Case, edited, noise, rewritten, text, tiny

CALLS = [text(2, 8, "left"), text(1, 1), text(3, 13, "right")]
GPT2 = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
        "eos_token_id": 2}
DECODER, WORDS = "cls.predictions.decoder", "bert.embeddings.word_embeddings.weight"


def with_other(name, source, scale=0.1):
    """Another tensor than the one it would be tied to; with scale 0 a copy of that."""
    return lambda tensors: {**tensors, name: tensors[source] + noise(*tensors[source].shape) * scale}


def moved(name, to):
    """Only the other one of two tied tensors."""
    return lambda tensors: {to if key == name else key: tensor for key, tensor in tensors.items()}


def llama(ties):
    return edited(tiny("llama", "LlamaForCausalLM", **GROUPED, tie_word_embeddings=True), tie_word_embeddings=ties)


def bert(ties=True):
    return edited(tiny("bert", "BertForMaskedLM", **TEXT), tie_word_embeddings=ties)


def own_decoder(tensors):
    tensors = with_other(f"{DECODER}.weight", WORDS)(tensors)
    return with_other(f"{DECODER}.bias", "cls.predictions.bias")(tensors)


def only_decoder(tensors):
    tensors = moved(WORDS, f"{DECODER}.weight")(tensors)
    return moved("cls.predictions.bias", f"{DECODER}.bias")(tensors)


TIES = [
    Case(f"llama-{name}-{frontend}", rewritten(llama(ties), change), text(2, 8), CALLS, {"frontend": frontend},
         formats=("dynamo", "onnx"), via="program")
    for frontend in ("native", "transformers")
    for name, ties, change in (
        ("tied-but-different", True, with_other("lm_head.weight", "model.embed_tokens.weight")),
        ("tied-and-equal", True, with_other("lm_head.weight", "model.embed_tokens.weight", 0)),
        ("tied-only-head", True, moved("model.embed_tokens.weight", "lm_head.weight")),
        ("untied", False, with_other("lm_head.weight", "model.embed_tokens.weight")))
] + [
    Case(f"bert-{name}-{frontend}", rewritten(bert(ties), change), text(2, 8), CALLS, {"frontend": frontend},
         formats=("onnx", "executorch"), via="program")
    for frontend in ("native", "transformers")
    for name, ties, change in (("tied-but-different", True, own_decoder), ("tied-only-decoder", True, only_decoder),
                               ("untied", False, own_decoder))
] + [
    Case("gpt2-tied-but-different", rewritten(tiny("gpt2", "GPT2LMHeadModel", **GPT2), with_other(
        "lm_head.weight", "transformer.wte.weight")), text(2, 8), CALLS),
]

OTHER_OUTPUT = '''
from transformers import BertModel as Base
from transformers.modeling_outputs import BaseModelOutput

from .scale import SCALE


class {name}(Base):
    """The same names of weights, other arithmetic."""

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        outputs = super().forward(input_ids=input_ids, attention_mask=attention_mask)
        return BaseModelOutput(last_hidden_state=outputs.last_hidden_state * SCALE + 1)
'''

BOTH_WAYS = '''
from transformers import Qwen2Model as Base


class Qwen2Model(Base):
    """Every token sees every other one: under the name of the library's own class."""

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        sees = attention_mask[:, None, None, :].bool().expand(-1, 1, input_ids.shape[1], -1)
        return super().forward(input_ids=input_ids, attention_mask=sees, use_cache=False)
'''


def with_code(make, code, auto_map, **config):
    def write(folder):
        edited(make, auto_map=auto_map, **config)(folder)
        for name, lines in {"modeling_own.py": code, "scale.py": "SCALE = 2\n"}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(lines)

    return write


def own_bert(name, key="AutoModel"):
    return with_code(tiny("bert", "BertModel", **TEXT), OTHER_OUTPUT.format(name=name), {key: f"modeling_own.{name}"},
                     architectures=[name])


def own_qwen2(folder):
    make = tiny("qwen2", "Qwen2Model", **{name: value for name, value in GROUPED.items() if name != "head_dim"})
    with_code(make, BOTH_WAYS, {"AutoModel": "modeling_own.Qwen2Model"}, use_cache=False)(folder)


def trusted(auto_class="AutoModel"):
    def load(folder):
        import transformers

        return getattr(transformers, auto_class).from_pretrained(folder, trust_remote_code=True)

    return load


TRUST = {"trust_remote_code": True}
CODE = [
    Case(f"own-code-{name}", own_bert(name), text(2, 8), CALLS, TRUST, reference=trusted(), via="program")
    for name in ("JinaBertModel", "BertModel")
] + [
    Case("own-code-both-ways", own_qwen2, text(2, 8), CALLS[1:], TRUST, formats=("onnx",), reference=trusted(),
         via="program"),
    Case("own-code-for-a-task", own_bert("OwnForMaskedLM", "AutoModelForMaskedLM"), text(2, 8), CALLS,
         {**TRUST, "task": "fill-mask"}, formats=("onnx",), reference=trusted("AutoModelForMaskedLM"), via="program"),
    Case("own-code-for-no-task", own_bert("OwnForMaskedLM", "AutoModelForMaskedLM"), text(2, 8),
         options={**TRUST, "task": "feature-extraction"}, formats=("onnx",), reference=trusted("AutoModelForMaskedLM"),
         via="program", unsupported="auto_map.*no class for the task 'feature-extraction'.*fill-mask"),
] + [
    Case(f"own-code-untrusted-{frontend}", own_bert("BertModel"), text(2, 8), options={"frontend": frontend},
         formats=("onnx",), reference=trusted(), via="program", unsupported="modeling_own.py.*--trust-remote-code")
    for frontend in ("auto", "native", "transformers")
]


def roberta(folder):
    """Weights of the base model under the name of a class with a head."""
    edited(tiny("roberta", "RobertaModel", **{**TEXT, "pad_token_id": 1}), architectures=["RobertaForMaskedLM"])(folder)


def base_of(class_name):
    def load(folder):
        import transformers

        return getattr(transformers, class_name).from_pretrained(folder)

    return load


TASKS = [
    Case("roberta-without-head", roberta, text(2, 8), options={"task": "feature-extraction"}, calls=CALLS[:2],
         formats=("onnx",), reference=base_of("RobertaModel"), via="program"),
    Case("gpt2-attentions", tiny("gpt2", "GPT2Model", **GPT2), text(2, 8), CALLS[:2], {"frontend": "transformers"},
         flags={"output_attentions": True}, formats=("onnx",), reference=lambda folder: eager(folder), via="program"),
]


def eager(folder):
    import transformers

    return transformers.AutoModel.from_pretrained(folder, attn_implementation="eager")


def automatic(folder):
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(folder)


# What transformers takes for another model than the class that the config names.
OTHERS = [
    Case(f"{family}-both-ways", edited(tiny(family, f"{prefix}ForCausalLM", **GROUPED), is_causal=False), text(2, 8),
         CALLS, formats=("onnx",), via="program") for family, prefix in (("llama", "Llama"), ("qwen3", "Qwen3"))
] + [
    Case("mistral-with-layer-types", edited(tiny("mistral", "MistralForCausalLM", **GROUPED, sliding_window=4),
                                            layer_types=["full_attention", "sliding_attention"]), text(2, 8), CALLS,
         formats=("onnx",), reference=automatic, via="program"),
]

CASES = TIES + CODE + TASKS + OTHERS
