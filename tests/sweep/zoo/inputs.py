"""Random inputs of a model, made from its config and from what its forward takes."""

import inspect
import re

import torch
from shrink import SPECIAL
from special_inputs import INPUTS
from transformers.configuration_utils import PreTrainedConfig

MELS_FIRST = {"glmasr", "glmasr_encoder", "voxtral_realtime_encoder", "qwen3_asr", "qwen3_asr_encoder",
              "voxtral_realtime"}
FRAMES_FIRST = {"speech_to_text"}  # input_features are (batch, frames, mels)
# Two places decide the second input set: these accept another image height/width, the rest only another batch.
ANY_IMAGE_SIZE = {"resnet", "convnext", "convnextv2", "regnet", "mobilenet_v1", "mobilenet_v2", "efficientnet", "bit",
                  "hgnet_v2", "poolformer", "superpoint", "segformer", "glpn", "pp_lcnet", "textnet", "swiftformer",
                  "pvt_v2", "focalnet"}


class Maker:
    """Random input tensors, from one seeded generator. `second` asks for the other shapes, `sizes` for ones by kind, in
    the place of those that `used` tells after a call was made. A kind is text, image, frames, ..."""

    def __init__(self, model, model_type, seed, second, sizes=None):
        self.model, self.config, self.model_type, self.second = model, model.config, model_type, second
        self.g = torch.Generator().manual_seed(seed + (1000 if second else 0))
        self.sizes, self.used = sizes or {}, {}
        self.batch = self.size("batch", 2, 3)
        self.names = set(inspect.signature(model.forward).parameters)
        self.special = set()
        self.collect(self.config)

    def collect(self, config):
        for name, value in vars(config).items():
            if isinstance(value, PreTrainedConfig):
                self.collect(value)
            elif re.search(r"_token_(id|index)$", name) and isinstance(value, int):
                self.special.add(value)

    def size(self, kind, first, second=None):
        """The size of that kind, which is `first` in the export's call and `second` in the other one."""
        self.used[kind] = self.sizes.get(kind, first if second is None or not self.second else second)
        return self.used[kind]

    @property
    def seq(self):
        return self.size("text", 9, 13)

    def randn(self, *shape):
        return torch.randn(*shape, generator=self.g)

    def rand(self, *shape):
        return torch.rand(*shape, generator=self.g)

    def ids(self, *shape, high=SPECIAL, low=3):
        """Ordinary tokens: never a placeholder or another special one the config names."""
        high = min(high, self.find("vocab_size", default=high) or high)
        allowed = torch.tensor([i for i in range(low, high) if i not in self.special] or [low])
        return allowed[torch.randint(0, len(allowed), shape, generator=self.g)]

    def find(self, *names, config=None, default=None):
        """The first of these attributes on the config or, failing that, its sub-configs."""
        config = config or self.config
        for name in names:
            if (value := getattr(config, name, None)) is not None:
                return value
        for sub in vars(config).values():
            if isinstance(sub, PreTrainedConfig):
                if (value := self.find(*names, config=sub)) is not None:
                    return value
        return default

    def decoder_ids(self):
        return self.ids(self.batch, self.size("decoder", 5, 7))

    def image_token(self):
        return self.find("image_token_id", "image_token_index")

    def mask(self, batch, seq):
        """The last row ends in padding, begins with it, or has none."""
        mask = torch.ones(batch, seq, dtype=torch.int64)
        count = 0 if self.sizes.get("padding") == "none" else min(3, seq - 1)
        if self.sizes.get("padding") == "left":
            mask[-1, :count] = 0
        else:
            mask[-1, seq - count:] = 0
        return mask

    def image_hw(self):
        vision = getattr(self.config, "vision_config", None) or self.config
        size = self.find("image_size", "img_size", "input_size", config=vision, default=64)
        if isinstance(size, dict):
            size = (size["height"], size["width"])
        h, w = size[-2:] if isinstance(size, (list, tuple)) else (size, size)
        if self.second and self.model_type in ANY_IMAGE_SIZE:
            h, w = h + 32, w + 64
        return self.size("image", (h, w))

    def pixels(self, *lead):
        vision = getattr(self.config, "vision_config", None) or self.config
        channels = self.find("num_channels", "in_channels", "in_chans", config=vision, default=3)
        if not isinstance(channels, int):
            channels = 3
        return self.randn(*(lead or (self.batch,)), channels, *self.image_hw())

    def text(self, seq=None):
        seq = seq or self.seq
        out = {"input_ids": self.ids(self.batch, seq)}
        if "attention_mask" in self.names:
            out["attention_mask"] = self.mask(self.batch, seq)
        return out

    def grid(self, t, h, w):
        """(patches, grid) of the Qwen2-VL kind: one image or clip per row of the batch."""
        v = getattr(self.config, "vision_config", None) or self.config
        channels = self.find("in_channels", "in_chans", "num_channels", config=v, default=3)
        patch, temporal = v.patch_size, getattr(v, "temporal_patch_size", None) or getattr(v, "patch_temporal", 1)
        t, h, w = self.size("grid", (t, h, w))
        n = self.batch * t * h * w
        return self.randn(n, channels * temporal * patch * patch), torch.tensor([[t, h, w]] * self.batch)

    def with_placeholders(self, token, count, extra=None):
        """input_ids with `count` placeholder tokens per row after the first token, right padding on the last row."""
        ids = self.ids(self.batch, self.seq + count)
        ids[:, 1:1 + count] = token
        out = {"input_ids": ids, "attention_mask": self.mask(self.batch, self.seq + count)}
        if self.config.is_encoder_decoder and "decoder_input_ids" in self.names:
            out["decoder_input_ids"] = self.decoder_ids()
        return {**out, **(extra or {})}

    def has(self, method):
        return hasattr(self.model, method) or hasattr(getattr(self.model, "model", None), method)

    def feature_rows(self, method, **kwargs):
        """How many placeholder tokens per row of the batch the model's own encoder makes."""
        owner = self.model if hasattr(self.model, method) else self.model.model
        accepted = inspect.signature(getattr(owner, method)).parameters
        kwargs = {k: v for k,
                  v in kwargs.items() if k in accepted or any(p.kind == p.VAR_KEYWORD for p in accepted.values())}
        with torch.no_grad():
            features = getattr(owner, method)(**kwargs)
        if hasattr(features, "last_hidden_state"):
            features = features.last_hidden_state if features.pooler_output is None else features.pooler_output
        if isinstance(features, torch.Tensor):
            features = [features]
        rows = sum(f.numel() // f.shape[-1] for f in features)
        return rows // self.batch

    def make(self):
        for key in (f"{self.model_type}/{type(self.model).__name__}", self.model_type):
            if key in INPUTS:
                out = INPUTS[key](self)
                return {k: v for k, v in out.items() if k in self.names or "kwargs" in self.names}
        names, out = self.names, {}
        image_token = self.image_token()
        audio_token = self.find("audio_token_id", "audio_token_index")
        text = "input_ids" in names
        if text and "image_grid_thw" in names and "pixel_values" in names:
            pixels, grid = self.grid(1, 4, 4)
            images = {"pixel_values": pixels, "image_grid_thw": grid}
            if "image_merge_sizes" in names:
                images["image_merge_sizes"] = torch.full((self.batch,), 2)
            count = self.feature_rows("get_image_features", **images)
            out = self.with_placeholders(image_token, count, images)
            if "mm_token_type_ids" in names:
                out["mm_token_type_ids"] = (out["input_ids"] == image_token).int()
            return out
        if "grid_thw" in names and not text:
            pixels, grid = self.grid(1, 4, 4)
            out = {"hidden_states" if "hidden_states" in names else "pixel_values": pixels, "grid_thw": grid}
            if "merge_sizes" in names:
                out["merge_sizes"] = torch.full((self.batch,), 2)
            return out
        if text and "pixel_values" in names and isinstance(image_token, int) and self.has("get_image_features"):
            images = {"pixel_values": self.pixels()}
            if "image_sizes" in names:
                images["image_sizes"] = torch.tensor([list(self.image_hw())] * self.batch)
            out = self.with_placeholders(image_token, self.feature_rows("get_image_features", **images), images)
            if "token_type_ids" in names and self.model_type in ("gemma3", "paligemma"):
                out["token_type_ids"] = (out["input_ids"] == image_token).long()
            if "mm_token_type_ids" in names:
                out["mm_token_type_ids"] = (out["input_ids"] == image_token).int()
            return out
        if text and "input_features" in names and isinstance(audio_token, int) and self.has("get_audio_features"):
            audio = self.features()
            return self.with_placeholders(audio_token, self.feature_rows("get_audio_features", **audio), audio)
        if text:
            out.update(self.text())
            if "bbox" in names:
                corner = torch.randint(0, 50, (self.batch, self.seq, 2), generator=self.g)
                out["bbox"] = torch.cat([corner, corner + torch.randint(1, 50, (self.batch, self.seq, 2),
                                                                        generator=self.g)], -1)
        if "pixel_values" in names:
            out["pixel_values"] = self.pixels()
        elif "pixel_values_videos" in names:
            frames = self.find("num_frames", "frames_per_clip", default=4)
            out["pixel_values_videos"] = self.pixels(self.batch, frames)
        if "input_features" in names and not text:
            out.update(self.features())
        if "input_values" in names and not text:
            out["input_values"] = self.randn(self.batch, self.size("samples", 2000, 2800))
        if "decoder_input_ids" in names and self.config.is_encoder_decoder:
            out["decoder_input_ids"] = self.decoder_ids()
        if not out:
            raise ValueError(f"no inputs known for {sorted(names)[:12]}")
        return out

    def features(self):
        mels = self.find("num_mel_bins", "feature_size", "n_mels", "mel_bins", "input_feat_per_channel", default=16)
        positions = self.find("max_source_positions")
        if self.model_type in MELS_FIRST:
            positions = positions or True
            out = {"input_features": self.randn(self.batch, mels, self.size("frames", 32, 48))}
        elif positions and self.model_type not in FRAMES_FIRST:
            out = {"input_features": self.randn(self.batch, mels, self.size("frames", 2 * positions))}
        else:
            out = {"input_features": self.randn(self.batch, self.size("frames", 40, 52), mels)}
        for name in ("feature_attention_mask", "input_features_mask"):
            if name in self.names:
                length = out["input_features"].shape[-1 if positions else 1]
                out[name] = torch.ones(self.batch, length, dtype=torch.int64)
        return out
