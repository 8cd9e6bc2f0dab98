"""The example call where none is given. What an argument of forward holds follows from its name, from the config, from
the preprocessors beside the checkpoint and from the model's code; a few models' arguments have rows of their own."""

import contextlib
import inspect

from . import sample_pictures, sample_series, sample_sound, sample_text, sample_rows
from .sample_facts import Facts


class Sample(Facts):
    """The arguments by name, each made when something asks for it."""

    batch, length = 2, 8

    def __init__(self, model, checkpoint=None):
        super().__init__(model, checkpoint)
        self.made = {}
        rows = sample_rows.ROWS
        self.makers = {**sample_text.MAKERS, **sample_pictures.MAKERS, **sample_sound.MAKERS, **sample_series.MAKERS,
                       **rows.get(self.model_type, {}), **rows.get(type(model).__name__, {})}

    def __getitem__(self, name):
        """The tensor, or None for what this model is not given."""
        if name not in self.made:
            maker = self.makers.get(name) if name in self.names else None
            self.made[name] = None  # for makers that ask about each other
            self.made[name] = maker(self) if maker is not None else None
        return self.made[name]


def default_inputs(model, checkpoint=None):
    """Two sequences, pictures or stretches of sound, as the signature of forward asks."""
    sample = Sample(model, checkpoint)
    parameters = inspect.signature(model.forward).parameters.values()
    named = {name: sample[name] for name in [*sample.names]}
    missing = [parameter.name for parameter in parameters if parameter.default is parameter.empty
               and parameter.kind is parameter.POSITIONAL_OR_KEYWORD and named.get(parameter.name) is None]
    inputs = {name: tensor for name, tensor in named.items() if tensor is not None}
    if missing or not inputs:
        what = f"{', '.join(missing)} of {sample.class_name}" if missing else sample.class_name
        error = LookupError(f"no inputs can be made up for {what}")
        error.remedy = f"give them with --inputs: {takes(model)}"
        raise error
    return inputs


@contextlib.contextmanager
def explained(model, is_made_up):
    """What goes wrong in a call that was made up says so, and what the model takes."""
    try:
        yield
    except Exception as error:
        if is_made_up and not hasattr(error, "remedy"):
            error.remedy = f"the inputs were made up (no --inputs): {takes(model)}; give them with --inputs"
        raise


_NOT_TENSORS = {"self", "args", "kwargs", "labels", "use_cache", "return_dict", "output_attentions", "return_loss",
                "output_hidden_states", "logits_to_keep", "output_router_logits"}


def takes(model):
    """What forward takes, in words."""
    names = [name for name in inspect.signature(model.forward).parameters if name not in _NOT_TENSORS]
    return f"forward takes {', '.join(names)}"
