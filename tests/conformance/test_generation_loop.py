"""A prompt and then token after token through two exports, the cache handed on as it comes: equal to `generate`."""

import pytest
import torch
from conftest import load_program

import compare

STEPS = 12


def greedy(prefill, decode, ids, mask):
    """Greedy continuation; `prefill` and `decode` are loaded exports."""
    outputs = prefill(input_ids=ids, attention_mask=mask)
    tokens = []
    for _ in range(STEPS):
        token = outputs.logits[:, -1].argmax(-1, keepdim=True)
        tokens.append(token)
        mask = torch.cat([mask, torch.ones_like(token)], -1)
        outputs = decode(input_ids=token, attention_mask=mask, past_key_values=outputs.past_key_values)
    return torch.cat(tokens, -1), outputs


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
@pytest.mark.parametrize("name", ["llama_ForCausalLM", "qwen3_ForCausalLM"])
def test_equals_generate(name, target, zoo, exformer, tmp_path):
    import transformers
    from transformers.exporters import ExportedModel

    loaded = {}
    for part in ("prefill", "decode"):
        program = load_program(zoo, name, part)
        exformer.export(program.checkpoint, target, tmp_path / part, program.sample)
        loaded[part] = ExportedModel.from_pretrained(tmp_path / part)
    model = getattr(transformers, program.architecture).from_pretrained(program.checkpoint).eval()
    generator = torch.Generator().manual_seed(3)
    for batch, length in ((1, 5), (3, 11)):
        ids = torch.randint(3, 128, (batch, length), generator=generator)
        mask = torch.ones_like(ids)
        tokens, outputs = greedy(loaded["prefill"], loaded["decode"], ids, mask)
        expected = model.generate(ids, attention_mask=mask, max_new_tokens=STEPS, min_new_tokens=STEPS,
                                  do_sample=False, eos_token_id=None)[:, length:]
        assert torch.equal(tokens, expected)
        with torch.no_grad():
            whole = model(torch.cat([ids, tokens], -1)).logits[:, -1:]
        assert compare.relative_error(outputs.logits, whole) < 1e-4


def test_takes_the_cache_of_the_source_model(zoo, exformer, tmp_path):
    """The cache that eager transformers filled fits the export's input, as a user would pass it."""
    import transformers
    from transformers.exporters import ExportedModel

    program = load_program(zoo, "llama_ForCausalLM", "decode")
    exformer.export(program.checkpoint, "dynamo", tmp_path / "decode", program.sample)
    exported = ExportedModel.from_pretrained(tmp_path / "decode")
    model = transformers.LlamaForCausalLM.from_pretrained(program.checkpoint).eval()
    ids = torch.randint(3, 128, (4, 8), generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        cache = model(ids[:, :7]).past_key_values
        ours = exported(input_ids=ids[:, 7:], attention_mask=torch.ones_like(ids), past_key_values=cache)
        expected = model(ids)
    assert compare.relative_error(ours.logits, expected.logits[:, -1:]) < 1e-4
    assert ours.past_key_values.layers[0].keys.shape[-2] == 8
