"""Code of a checkpoint's own goes where the export goes, so that the export's config can be loaded: as transformers'
save_pretrained does it."""

import json
import os
import shutil
import sys


def copy(config_text, checkpoint, classes, directory):
    """Copies the modules that auto_map names, with what they import relatively, into `directory`; gives the text of
    config.json for there. Those of another repository become local once they were loaded, as one of `classes`."""
    config = json.loads(config_text)
    auto_map, changed = config.get("auto_map") or {}, False
    loaded = {class_.__name__: sys.modules[class_.__module__].__file__ for class_ in classes
              if class_.__module__.startswith("transformers_modules")}
    for key, reference in auto_map.items():
        if not isinstance(reference, str) or not key.startswith(("AutoConfig", "AutoModel")):
            continue
        repository, dashes, name = reference.rpartition("--")
        module, _, class_name = name.rpartition(".")
        source = os.path.join(checkpoint, f"{module}.py")
        if dashes:
            source = loaded.get(class_name)
            if source is None or os.path.basename(source) != f"{module}.py":
                continue  # stays where the reference says
        if not _copy_module(source, directory):
            continue
        if dashes:
            auto_map[key], changed = name, True
    return json.dumps(config, indent=2) + "\n" if changed else config_text


def _copy_module(path, directory):
    from transformers.dynamic_module_utils import get_relative_import_files

    try:
        files = [path, *get_relative_import_files(path)]
        targets = [os.path.join(directory, os.path.relpath(file, os.path.dirname(path))) for file in files]
        for file, target in zip(files, targets):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(file, target)
    except FileNotFoundError:  # of a class that was not loaded
        return False
    return True
