"""Which class a checkpoint is exported as: the one that its config names, that serves the task asked for, or that code
of its own defines."""

import contextlib
import difflib

from exformer import _core


def load_config(checkpoint, trust):
    """The config; a model type that transformers does not have is refused with the nearest ones."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    fields, _ = transformers.PreTrainedConfig.get_config_dict(checkpoint)
    has_own_config = trust and "AutoConfig" in (fields.get("auto_map") or {})
    model_type = fields.get("model_type")
    if not has_own_config and model_type not in CONFIG_MAPPING:
        raise NotImplementedError(f"transformers {transformers.__version__} has no model type '{model_type}'"
                                  + _nearest(str(model_type), CONFIG_MAPPING))
    with _fetching(fields.get("auto_map") if trust else None):
        return transformers.AutoConfig.from_pretrained(checkpoint, trust_remote_code=trust)


@contextlib.contextmanager
def _fetching(auto_map):
    """Says which code it was that could not be fetched."""
    from huggingface_hub import constants

    try:
        yield
    except OSError as error:
        references = [value for value in (auto_map or {}).values() if isinstance(value, str) and "--" in value]
        if not references:
            raise
        names = ", ".join(sorted({reference.partition("--")[0] for reference in references}))
        cause = ("it is not in the cache, and HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE
                 else " ".join(str(error).split()))
        message = f"the code of '{names}', which the checkpoint's auto_map names, cannot be had: {cause}"
        raise OSError(message) from error


def find_class(config, task, checkpoint, trust):
    """The class to load."""
    tasks = [name for name, _ in _core.tasks()]
    if task and task not in tasks:
        raise NotImplementedError(f"task '{task}' is not known{_nearest(task, tasks)}; known: {', '.join(tasks)}")
    own = _own_classes(config) if trust else {}
    if own:
        return _own_class(own, config, task, checkpoint)
    if task:
        return _built_in_class(config, task)
    names = config.architectures or []
    if not names:
        return _built_in_class(config, "feature-extraction")
    return _named_class(_renamed(names[0], config, checkpoint), config)


def _nearest(name, names):
    found = difflib.get_close_matches(name, list(names), n=3)
    return f" (nearest: {', '.join(found)})" if found else ""


def _renamed(name, config, checkpoint):
    """The class of the family that transformers takes the config for, where that is not the one that the file says:
    Mistral with layer types is Ministral."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    model_type = transformers.PreTrainedConfig.get_config_dict(checkpoint)[0]["model_type"]
    if model_type == config.model_type or model_type not in CONFIG_MAPPING:
        return name
    family, other = (class_.__name__.removesuffix("Config") for class_ in (CONFIG_MAPPING[model_type], type(config)))
    return other + name.removeprefix(family) if name.startswith(family) else name


def _own_classes(config):
    auto_map = getattr(config, "auto_map", None) or {}
    return {key: value for key, value in auto_map.items() if key.startswith("AutoModel") and isinstance(value, str)}


def _own_class(own, config, task, checkpoint):
    """That of auto_map under the task's auto class; without a task the one that `architectures` names, or AutoModel."""
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    names = config.architectures or []
    if task:
        chosen = dict(_core.tasks())[task]
        if chosen not in own:
            tasks = [name for name, auto_class in _core.tasks() if auto_class in own]
            raise NotImplementedError(f"the checkpoint's own code (auto_map) has no class for the task '{task}' "
                                      f"({chosen}); it has {', '.join(own)}"
                                      + (f": --task {' or '.join(tasks)}" if tasks else ""))
    else:
        chosen = next((key for name in names for key in own if own[key].rpartition(".")[2] == name),
                      "AutoModel" if "AutoModel" in own else next(iter(own)))
    with _fetching(own):
        return get_class_from_dynamic_module(own[chosen], checkpoint)


def _mapped(auto_class, config):
    import transformers
    from transformers.models.auto.auto_factory import _get_model_class

    mapping = getattr(transformers, auto_class)._model_mapping
    return _get_model_class(config, mapping) if type(config) in mapping else None


def _built_in_class(config, task):
    found = _mapped(dict(_core.tasks())[task], config)
    if found is None:
        has = [name for name, auto_class in _core.tasks() if _mapped(auto_class, config) is not None]
        others = f"it has {', '.join(has)}" if has else "it has one for none of the tasks"
        raise NotImplementedError(f"transformers has no class of model type '{config.model_type}' for the task "
                                  f"'{task}'; {others}")
    return found


def _named_class(name, config):
    import transformers

    found = getattr(transformers, name, None)
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    near = {class_.__name__: task for task, auto_class in _core.tasks()
            for class_ in [_mapped(auto_class, config)] if class_ is not None}
    raise NotImplementedError(f"transformers has no class '{name}', which the config's architectures names"
                              + _nearest(name, near)
                              + (f"; --task takes another one: {', '.join(near.values())}" if near else ""))
