"""`--names genai`: onnxruntime-genai runs the file as it is, and generates transformers' tokens."""

import json

import pytest
from conftest import load_program

PROMPT = [5, 17, 3, 99, 42]
LENGTH = 20


def write_genai_config(directory, config):
    """What onnxruntime-genai asks for beside the model; its own builder writes the same fields."""
    decoder = {"session_options": {"provider_options": []}, "filename": "model.onnx",
               "head_size": config.head_dim, "hidden_size": config.hidden_size,
               "num_attention_heads": config.num_attention_heads, "num_hidden_layers": config.num_hidden_layers,
               "num_key_value_heads": config.num_key_value_heads,
               "inputs": {"input_ids": "input_ids", "attention_mask": "attention_mask",
                          "past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"},
               "outputs": {"logits": "logits", "present_key_names": "present.%d.key",
                           "present_value_names": "present.%d.value"}}
    model = {"bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id,
             "pad_token_id": config.pad_token_id, "context_length": config.max_position_embeddings,
             "vocab_size": config.vocab_size, "type": config.model_type, "decoder": decoder}
    search = {"max_length": LENGTH, "do_sample": False, "past_present_share_buffer": False}
    (directory / "genai_config.json").write_text(json.dumps({"model": model, "search": search}))


@pytest.mark.parametrize("fusions", [[], ["--set", "ort_fusions=cpu"]], ids=["plain", "ort_fusions"])
@pytest.mark.parametrize("name", ["llama_ForCausalLM", "mistral_no_window", "qwen3_attention_bias"])
def test_generates_the_tokens_of_transformers(name, fusions, zoo, exformer, tmp_path, no_reference):
    import onnxruntime_genai
    import torch
    import transformers

    program = load_program(zoo, name, "decode")
    exformer.export(program.checkpoint, "onnx", tmp_path / "out", program.sample, ["--names", "genai", *fusions])
    model = getattr(transformers, program.architecture).from_pretrained(program.checkpoint).eval()
    write_genai_config(tmp_path / "out", model.config)
    parameters = onnxruntime_genai.GeneratorParams(generated := onnxruntime_genai.Model(str(tmp_path / "out")))
    parameters.set_search_options(max_length=LENGTH)
    generator = onnxruntime_genai.Generator(generated, parameters)
    generator.append_tokens(PROMPT)
    while not generator.is_done():
        generator.generate_next_token()
    with torch.no_grad():
        expected = model.generate(torch.tensor([PROMPT]), max_length=LENGTH, do_sample=False)[0].tolist()
    if expected[-1] == model.config.eos_token_id:  # onnxruntime-genai ends before it
        expected.pop()
    assert [int(token) for token in generator.get_sequence(0)] == expected
