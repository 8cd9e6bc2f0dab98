"""Sizes that a model fixes: the file says which input is of another size, whatever its runtime checks by itself."""

from case import TEXT, Case, pictures, text, tiny

VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "image_size": 32,
       "patch_size": 8}
OTHER_SIZES = {"calls": [pictures(3, 32), pictures(1, 24, 32), pictures(1, 64, 32), pictures(1, 32, 24)],
               "refused": {1: "pixel_values", 2: "pixel_values", 3: "pixel_values"}}

CASES = [
    Case("vit-of-another-size", tiny("vit", "ViTModel", **VIT), **OTHER_SIZES, via="program"),
    Case("deit-of-another-size", tiny("deit", "DeiTModel", **VIT), **OTHER_SIZES),
    Case("gpt2-beyond-its-positions", tiny("gpt2", "GPT2LMHeadModel", n_embd=32, n_layer=2, n_head=4, n_positions=16,
                                           vocab_size=99),
         options={"dynamic_shapes": {name: {"0": "batch", "1": {"name": "length", "max": 16}}
                                     for name in ("input_ids", "attention_mask")}},
         calls=[text(1, 16), text(3, 1), text(1, 17)], refused={2: ""}),
    Case("bert-within-declared-bounds", tiny("bert", "BertModel", **TEXT), via="program",
         options={"dynamic_shapes": {name: {"0": "batch", "1": {"name": "length", "min": 4, "max": 16}}
                                     for name in ("input_ids", "attention_mask")}},
         sample=text(2, 8), calls=[text(1, 4), text(1, 16), text(1, 3), text(1, 17)],
         refused={2: r"input_ids|length|s\d+", 3: r"input_ids|length|s\d+"}),
]
