"""What is known of a model before it is called: its config, the preprocessors beside it, how its code reads inputs."""

import functools
import inspect
import json
import os
import re
import sys

_PREPROCESSORS = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
# What the arguments of a tower begin with, by the field of the config that describes the tower.
_TOWERS = {"vision_config": ("pixel_", "image_", "video_"), "audio_config": ("input_features", "feature_", "audio_")}
_PLACES = re.compile(r"(token_id|token_index|token_ids)$")


def _parts(config):
    """The configs inside a config."""
    return [value for value in vars(config).values() if hasattr(value, "model_type") and hasattr(value, "to_dict")]


def config_value(config, *names):
    """The first of these fields that the config or, failing that, a config inside it has."""
    for name in names:
        value = getattr(config, name, None)
        if value is not None:
            return value
    for part in _parts(config):
        value = config_value(part, *names)
        if value is not None:
            return value
    return None


def _read_preprocessors(checkpoint):
    """Their fields, one dict: a processor's parts lie inside it."""
    fields = {}
    for name in _PREPROCESSORS:
        path = os.path.join(checkpoint or "", name)
        if not checkpoint or not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        for part in [found, *(value for value in found.values() if isinstance(value, dict))]:
            for key, value in part.items():
                fields.setdefault(key, value)
    return fields


def _source(cls):
    """The code of a class, as `inspect.getsource`, which parses the whole file each time."""
    text = _text_of(sys.modules[cls.__module__])
    found = re.search(rf"^class {cls.__name__}\b.*?(?=^(?:class |def |@|\w)|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


@functools.cache
def _text_of(module):
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return ""


class Facts:
    def __init__(self, model, checkpoint):
        self.model, self.config, self.model_type = model, model.config, model.config.model_type
        self.class_name = type(model).__name__
        absent = tuple(prefix for tower, prefixes in _TOWERS.items() for prefix in prefixes
                       if getattr(self.config, tower, self) is None)  # the model is built without it
        self.names = {name: None for name in inspect.signature(model.forward).parameters if not name.startswith(absent)}
        self.preprocessor = _read_preprocessors(checkpoint)
        self.special, self._sources = set(), None
        self._find_special(self.config)

    def _find_special(self, config):
        """Tokens that mean something: they are no ordinary text."""
        for name, value in vars(config).items():
            if _PLACES.search(name):
                self.special.update(value if isinstance(value, (list, tuple)) else [value])
        for part in _parts(config):
            self._find_special(part)

    def find(self, *names, part=None, default=None):
        """The first of these fields in a part of the config, else anywhere in it."""
        value = config_value(part, *names) if part is not None else None
        value = config_value(self.config, *names) if value is None else value
        return default if value is None else value

    def integer(self, *names, part=None, default=None):
        """The same for a whole number; the first one of a list."""
        value = self.find(*names, part=part)
        while isinstance(value, (list, tuple)) and value:
            value = value[0]
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def part(self, *names):
        """The first of these parts of the config that is there, else the config."""
        for name in names:
            found = getattr(self.config, name, None)
            if hasattr(found, "model_type"):
                return found
        return self.config

    def owner_of(self, method):
        """The model or the one inside it that has the method."""
        for owner in (self.model, getattr(self.model, "model", None), getattr(self.model, "base_model", None)):
            if hasattr(owner, method):
                return owner
        return None

    def written_sizes(self, name):
        """How the model's code names the sizes of an argument: `batch, frames, height, width = pixel_values.shape` says
        how many there are. The outermost module that says so; None where no one does."""
        unpacking = re.compile(rf"^\s*(\w+(?:, *\w+){{2,}}) = {name}\.(?:shape|size\(\))\s*$", re.MULTILINE)
        for source in self.sources():
            found = unpacking.findall(source)
            if found:
                return re.split(", *", max(found, key=lambda names: names.count(",")))
        return None

    def sources(self):
        """The code of the model's classes, outermost first."""
        if self._sources is None:
            classes = dict.fromkeys(type(module) for module in self.model.modules())
            self._sources = [_source(cls) for cls in classes if not cls.__module__.startswith("torch")]
        return self._sources

    def says(self, text):
        """Whether the model's code has this text."""
        return any(text in source for source in self.sources())

    # ---- numbers to fill tensors with
    def numbers(self, *sizes):
        """Numbers between -1 and 1 that are not alike."""
        import math

        import torch

        return (torch.arange(math.prod(sizes)) * 37 % 101).reshape(sizes) / 50.0 - 1.0

    def fractions(self, *sizes):
        """Numbers from 0 up to 1."""
        return (self.numbers(*sizes) + 1.0) / 2.1

    def ones(self, *sizes):
        import torch

        return torch.ones(sizes, dtype=torch.int64)

    def tokens(self, *sizes, vocabulary=None):
        """Ordinary tokens: none that the config gives a meaning."""
        import math

        import torch

        high = vocabulary or self.integer("vocab_size", "text_vocab_size", default=100)
        ordinary = [i for i in range(min(high, 400)) if i not in self.special and i > 2] or [0]
        step = 7 if len(ordinary) % 7 else 5
        places = [ordinary[i * step % len(ordinary)] for i in range(math.prod(sizes))]
        return torch.tensor(places, dtype=torch.int64).reshape(sizes)

    def filled(self, value, *sizes):
        import torch

        return torch.full(sizes, value, dtype=torch.int64)
