"""Bad checkpoints, inputs, options and outputs: a clear error, the right exit code, nothing left behind."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import zipfile

import pytest
from bad_checkpoints import FAULTS
from conftest import load_program

pytestmark = pytest.mark.usefixtures("no_reference")
CRASH = re.compile(r"terminate called|what\(\)|Traceback|Assertion|Segmentation|core dumped|Sanitizer|std::", re.I)


@pytest.fixture
def good(zoo, tmp_path):
    """(a private copy of a good checkpoint, the program that it belongs to)"""
    program = load_program(zoo, "llama_ForCausalLM", "prefill")
    shutil.copytree(program.checkpoint, tmp_path / "checkpoint")
    return tmp_path / "checkpoint", program


def listing(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


def assert_clear_error(done, codes, words=()):
    assert done.returncode in codes, f"exit code {done.returncode}, expected {codes}\n{done.stderr}"
    assert done.stderr.strip(), "an error without a message"
    assert len(done.stderr.strip().splitlines()) <= 12, done.stderr
    assert not CRASH.search(done.stderr), done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower(), f"the message lacks {word!r}:\n{done.stderr}"


@pytest.mark.parametrize("fault", FAULTS, ids=[f.name.replace(" ", "-") for f in FAULTS])
def test_spoiled_checkpoint(fault, good, exformer, tmp_path):
    checkpoint, _ = good
    fault.spoil(checkpoint)
    before = listing(tmp_path)
    started = time.monotonic()
    for target in ("dynamo", "onnx"):
        done = exformer("export", checkpoint, "--to", target, "--dynamic", "-o", tmp_path / "out", timeout=60,
                        cwd=tmp_path, env={"HF_HUB_OFFLINE": "1"})
        assert_clear_error(done, fault.codes, fault.words)
        assert listing(tmp_path) == before, "something was left behind"
    assert time.monotonic() - started < 30


def test_error_as_json(good, exformer, tmp_path):
    checkpoint, _ = good
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "model_type": "lama"}))
    done = exformer("export", checkpoint, "--to", "onnx", "-o", tmp_path / "out", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert isinstance(report, dict) and "lama" in json.dumps(report)


def test_result_as_json(good, exformer, tmp_path):
    done = exformer("export", good[0], "--to", "onnx", "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("arguments, codes, words", [
    ([], (2,), ()),
    (["exprot"], (2,), ()),
    (["export"], (2,), ()),
    (["export", "CKPT"], (2,), ("--to",)),
    (["export", "CKPT", "--to", "tflite", "-o", "OUT"], (2,), ("tflite",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--no-such-option"], (2,), ("no-such-option",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--dtype", "f8"], (2, 3), ("f8",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--task", "text-genration"], (2, 3), ("text-genration",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--inputs", "absent.st"], (1, 2), ("absent.st",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--config", "absent.json"], (1, 2), ("absent.json",)),
    (["export", "CKPT", "--to", "onnx", "-o", "OUT", "--dynamic-shapes", "{bad"], (1, 2), ()),
    (["export", "/no/such/checkpoint", "--to", "onnx", "-o", "OUT"], (1,), ("/no/such/checkpoint",)),
    (["export", "nobody/has-this-model", "--to", "onnx", "-o", "OUT"], (1,), ("nobody/has-this-model",)),
    (["run", "/no/such/export", "--inputs", "x.safetensors"], (1,), ("/no/such/export",)),
    (["inspect", "/no/such/file"], (1,), ("/no/such/file",)),
])
def test_wrong_usage(arguments, codes, words, good, exformer, tmp_path):
    places = {"CKPT": str(good[0]), "OUT": str(tmp_path / "out")}
    done = exformer(*[places.get(a, a) for a in arguments], env={"HF_HUB_OFFLINE": "1"}, cwd=tmp_path)
    assert done.returncode in codes, f"exit code {done.returncode}\n{done.stderr}"
    for word in words:
        assert word in done.stderr, done.stderr
    assert not CRASH.search(done.stderr) and not (tmp_path / "out").exists()


def bad_inputs():
    import torch

    ids, mask = torch.ones(2, 9, dtype=torch.long), torch.ones(2, 9, dtype=torch.long)
    return {
        "unknown name": ({"input_idz": ids, "attention_mask": mask}, ("input_idz", "input_ids")),
        "rank": ({"input_ids": ids[0].clone(), "attention_mask": mask}, ("input_ids",)),
        "dtype": ({"input_ids": ids.float(), "attention_mask": mask}, ("input_ids",)),
        "sizes that do not fit": ({"input_ids": ids, "attention_mask": torch.ones(3, 9, dtype=torch.long)},
                                  ("attention_mask",)),
    }


@pytest.mark.parametrize("kind", ["unknown name", "rank", "dtype", "sizes that do not fit"])
@pytest.mark.parametrize("verb", ["export", "run"])
def test_wrong_inputs(kind, verb, good, exformer, tmp_path):
    from safetensors.torch import save_file

    tensors, words = bad_inputs()[kind]
    save_file(tensors, tmp_path / "inputs.safetensors")
    if verb == "export":
        done = exformer("export", good[0], "--to", "dynamo", "--dynamic", "-o", tmp_path / "out", "--inputs",
                        tmp_path / "inputs.safetensors")
        assert not (tmp_path / "out").exists()
    else:
        exformer.export(good[0], "dynamo", tmp_path / "out", good[1].sample)
        done = exformer("run", tmp_path / "out", "--inputs", tmp_path / "inputs.safetensors", "-o",
                        tmp_path / "outputs.safetensors")
        assert not (tmp_path / "outputs.safetensors").exists()
    assert_clear_error(done, (1, 2), words)


def test_run_names_a_missing_input(good, exformer, tmp_path):
    import torch
    from safetensors.torch import save_file

    exformer.export(good[0], "dynamo", tmp_path / "out", good[1].sample)
    save_file({"attention_mask": torch.ones(2, 9, dtype=torch.long)}, tmp_path / "inputs.safetensors")
    done = exformer("run", tmp_path / "out", "--inputs", tmp_path / "inputs.safetensors")
    assert_clear_error(done, (1, 2), ("input_ids",))


def test_spoiled_archive_does_not_run(good, exformer, tmp_path):
    checkpoint, program = good
    exformer.export(checkpoint, "dynamo", tmp_path / "out", program.sample)
    whole = (tmp_path / "out" / "model.pt2").read_bytes()
    for label, data in (("cut", whole[:len(whole) // 2]), ("empty", b""), ("noise", os.urandom(4096)),
                        ("bits", whole[:-200] + bytes(b ^ 0x55 for b in whole[-200:]))):
        (tmp_path / f"{label}.pt2").write_bytes(data)
        done = exformer("run", tmp_path / f"{label}.pt2", "--inputs", program.sample, "-o", tmp_path / "x.safetensors")
        assert_clear_error(done, (1,), ())
        assert not (tmp_path / "x.safetensors").exists()


# Where the export goes ------------------------------------------------------------------------------------------------

def export_to(exformer, checkpoint, out, target="dynamo", **options):
    return exformer("export", checkpoint, "--to", target, "--dynamic", "-o", out, **options)


@pytest.mark.parametrize("target", ["dynamo", "onnx"])
def test_full_disk(target, good, exformer, tmp_path):
    """No file may grow past 20 KB: as a full disk, every write past that fails."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    before = listing(tmp_path)
    done = export_to(exformer, good[0], tmp_path / "out", target, preexec_fn=limit)
    assert_clear_error(done, (1,))
    assert listing(tmp_path) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_small_file_system(good, exformer, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("this machine does not allow mounts")
    try:
        done = export_to(exformer, good[0], place / "out")
        assert_clear_error(done, (1,), ("space",))
        assert listing(place) == []
    finally:
        subprocess.run(["umount", place], check=True)


def test_unwritable_place(good, exformer):
    assert_clear_error(export_to(exformer, good[0], "/proc/exformer-cannot-write-here"), (1,), ("/proc",))


def test_output_below_a_file(good, exformer, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_clear_error(export_to(exformer, good[0], tmp_path / "file" / "out"), (1,))
    assert (tmp_path / "file").read_text() == "mine"


def test_output_is_somebody_elses_directory(good, exformer, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    done = export_to(exformer, good[0], tmp_path / "out")
    assert_clear_error(done, (1, 2), ("out",))
    assert listing(tmp_path / "out") == ["thesis.txt"]


def test_output_is_the_checkpoint(good, exformer, tmp_path):
    before = {p.name: p.read_bytes() for p in good[0].iterdir()}
    assert_clear_error(export_to(exformer, good[0], good[0]), (1, 2))
    assert {p.name: p.read_bytes() for p in good[0].iterdir()} == before


def test_earlier_export_is_replaced_whole(good, exformer, tmp_path):
    for target, names in (("onnx", {"model.onnx", "model.onnx.data"}), ("dynamo", {"model.pt2"})):
        assert export_to(exformer, good[0], tmp_path / "out", target).returncode == 0
        found = {p.name for p in (tmp_path / "out").iterdir()}
        assert found - {"config.json", "generation_config.json", "export.json"} == names
    assert listing(tmp_path) == sorted(["checkpoint", "out"] + [f"checkpoint/{p.name}" for p in good[0].iterdir()]
                                       + [f"out/{p.name}" for p in (tmp_path / "out").iterdir()])


def test_failed_export_keeps_the_earlier_one(good, exformer, tmp_path):
    assert export_to(exformer, good[0], tmp_path / "out").returncode == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    data = (good[0] / "model.safetensors").read_bytes()
    (good[0] / "model.safetensors").write_bytes(data[:-50])
    assert_clear_error(export_to(exformer, good[0], tmp_path / "out"), (1,))
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


def complete(out):
    manifest = json.loads((out / "export.json").read_text())
    assert zipfile.ZipFile(out / manifest["components"]["model"]["file"]).testzip() is None


def test_killed_in_the_middle(large_checkpoint, exformer, tmp_path):
    """At any moment of a kill, the final path holds nothing or a complete export; the next export works."""
    command = [str(exformer.path), "export", str(large_checkpoint), "--to", "dynamo", "--dynamic", "-o",
               str(tmp_path / "out"), "--quiet"]
    started = time.monotonic()
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    whole = time.monotonic() - started
    interrupted = 0
    for step in range(12):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (step + 0.5) / 12)
        process.kill()
        interrupted += process.wait() == -signal.SIGKILL
        if (tmp_path / "out").exists():
            complete(tmp_path / "out")
    assert interrupted > 0, "no kill came in time: the checkpoint is too small for this test"
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    complete(tmp_path / "out")


def test_terminated_leaves_nothing(large_checkpoint, exformer, tmp_path):
    """SIGTERM and SIGINT give the program time to clean up after itself."""
    for number in (signal.SIGTERM, signal.SIGINT):
        place = tmp_path / str(int(number))
        place.mkdir()
        process = subprocess.Popen([str(exformer.path), "export", str(large_checkpoint), "--to", "dynamo", "-o",
                                    str(place / "out")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while process.poll() is None and not any(place.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(number)
        if process.wait(timeout=30) != 0:
            assert listing(place) == []


def test_two_exports_into_one_directory(large_checkpoint, exformer, tmp_path):
    """Both at once: at least one succeeds, the other succeeds or says why, and the result is whole."""
    command = [str(exformer.path), "export", str(large_checkpoint), "--to", "dynamo", "--dynamic", "-o",
               str(tmp_path / "out"), "--quiet"]
    pair = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    results = [(p.communicate(timeout=120)[1], p.returncode) for p in pair]
    assert any(code == 0 for _, code in results), results
    assert all(code == 0 or (code == 1 and message.strip()) for message, code in results), results
    complete(tmp_path / "out")
    assert listing(tmp_path)[0] == "out" and all(p.startswith("out") for p in listing(tmp_path)), "leftovers"


# What the program offers ----------------------------------------------------------------------------------------------

def test_list_names_the_families(exformer):
    done = exformer("list", "--families")
    assert done.returncode == 0
    for family in ("llama", "mistral", "qwen2", "qwen3", "bert", "vit"):
        assert re.search(rf"\b{family}\b", done.stdout)


def test_inspect_describes_a_checkpoint(good, exformer):
    done = exformer("inspect", good[0])
    assert done.returncode == 0 and "LlamaForCausalLM" in done.stdout
