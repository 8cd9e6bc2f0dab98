"""Code of a checkpoint's own goes where the export goes, so that the export's config can be loaded: as transformers'
save_pretrained does it."""

import json
import os
import shutil
import sys


def gather(config_text, checkpoint, classes):
    """The text of config.json for the export, and the modules that its auto_map names with what they import relatively:
    {name there: file}. Those of another repository become the export's own once they were loaded: one of `classes`."""
    config, files = json.loads(config_text), {}
    auto_map, changed = config.get("auto_map") or {}, False
    loaded = {class_.__name__: sys.modules[class_.__module__].__file__ for class_ in classes
              if class_.__module__.startswith("transformers_modules")}
    for key, reference in auto_map.items():
        if not isinstance(reference, str) or not key.startswith(("AutoConfig", "AutoModel")):
            continue
        _, is_elsewhere, name = reference.rpartition("--")
        module, _, class_name = name.rpartition(".")
        source = loaded.get(class_name) if is_elsewhere else os.path.join(checkpoint, f"{module}.py")
        if source is None or os.path.basename(source) != f"{module}.py":
            continue  # it stays where the reference says
        found = _with_imports(source)
        files.update(found)
        if found and is_elsewhere:
            auto_map[key], changed = name, True
    return (json.dumps(config, indent=2) + "\n" if changed else config_text), files


def copy(files, directory):
    for name, source in files.items():
        target = os.path.join(directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)


def _with_imports(path):
    from transformers.dynamic_module_utils import get_relative_import_files

    try:
        files = [path, *get_relative_import_files(path)]
    except FileNotFoundError:  # of a class that was not loaded
        return {}
    return {os.path.relpath(file, os.path.dirname(path)): file for file in files if os.path.isfile(file)}
