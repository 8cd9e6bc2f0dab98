"""Checkpoints of the sweep's zoo, kept for as long as nothing that makes them changes."""

import fcntl
import hashlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / "tests" / "sweep" / "zoo"


def made(*options):
    """The folder of the checkpoints that make_zoo.py makes with these options."""
    digest = hashlib.sha256()
    for source in sorted(ZOO.glob("*.py")):
        digest.update(source.read_bytes())
    for package in ("torch", "transformers", "safetensors"):
        digest.update(importlib.metadata.version(package).encode())
    if options != ("--tenth",):
        digest.update(" ".join(options).encode())
    folder = ROOT / "build" / "sweep" / digest.hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:  # tests that run side by side want the same one
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "index.json").exists():
            subprocess.run([sys.executable, ZOO / "make_zoo.py", folder, *options], check=True,
                           stdout=subprocess.DEVNULL)
    return folder
