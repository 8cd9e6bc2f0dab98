"""Hub ids: from the local cache, from a server, with a token, resumed, and refused when offline."""

import contextlib
import os
import pty
import re
import subprocess
import sys

import pytest
from conftest import load_program
from hub_server import COMMIT, Hub

pytestmark = pytest.mark.usefixtures("no_reference")
REPO = "someone/tiny-llama"


@pytest.fixture
def files(zoo):
    checkpoint = load_program(zoo, "llama_ForCausalLM", "prefill").checkpoint
    return {path.name: path.read_bytes() for path in checkpoint.iterdir()}


def environment(home, hub=None, offline=False, token=None):
    env = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1" if offline else "0", "HF_TOKEN": token or "",
           "HF_HUB_DISABLE_XET": "1", "HF_ENDPOINT": hub.endpoint if hub else "http://127.0.0.1:9"}
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "HF_HUB_CACHE",
                 "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
        env[name] = ""
    return env


def export(exformer, out, env, repo=REPO):
    return exformer("export", repo, "--to", "dynamo", "--dynamic", "-o", out, env=env)


def their_download(home, hub=None, offline=False):
    """The snapshot folder as huggingface_hub itself finds or fetches it."""
    script = (f"from huggingface_hub import snapshot_download; "
              f"print(snapshot_download({REPO!r}, local_files_only={offline}))")
    env = {k: v for k, v in {**os.environ, **environment(home, hub, offline)}.items() if v != ""}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_stand_in_satisfies_huggingface_hub(files, tmp_path, zoo):
    with Hub({REPO: files}) as hub:
        folder = their_download(tmp_path / "home", hub)
    assert sorted(os.listdir(folder)) == sorted(files)


def test_finds_what_huggingface_hub_cached(files, exformer, tmp_path):
    with Hub({REPO: files}) as hub:
        their_download(tmp_path / "home", hub)
        hub.requests.clear()
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub, offline=True))
        assert done.returncode == 0, done.stderr
        assert not hub.requests


def test_downloads_into_the_same_cache(files, exformer, tmp_path):
    with Hub({REPO: files}) as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub))
        assert done.returncode == 0, done.stderr
    snapshot = tmp_path / "home" / "hub" / "models--someone--tiny-llama" / "snapshots" / COMMIT
    assert (snapshot / "model.safetensors").read_bytes() == files["model.safetensors"]
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(REPO, "config.json", cache_dir=tmp_path / "home" / "hub")
    assert found is not None and open(found, "rb").read() == files["config.json"]
    # And now without any server.
    done = export(exformer, tmp_path / "again", environment(tmp_path / "home", offline=True))
    assert done.returncode == 0, done.stderr


def test_resumes_a_broken_download(files, exformer, tmp_path):
    with Hub({REPO: files}, cut_after=len(files["model.safetensors"]) // 2) as hub:
        env = environment(tmp_path / "home", hub)
        done = export(exformer, tmp_path / "out", env)
        if done.returncode != 0:  # it may resume by itself, or be run again
            assert not (tmp_path / "out").exists()
            done = export(exformer, tmp_path / "out", env)
        assert done.returncode == 0, done.stderr
        ranges = [h.get("Range") for _, path, h in hub.requests if path.split("?")[0].endswith("model.safetensors")]
        assert any(r not in (None, "bytes=0-", "bytes=0-0") for r in ranges), "the second half was not asked for alone"


def test_token(files, exformer, tmp_path):
    with Hub({REPO: files}, token="hf_secret") as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub))
        assert done.returncode == 1 and "HF_TOKEN" in done.stderr and not (tmp_path / "out").exists()
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub, token="hf_wrong"))
        assert done.returncode == 1 and "hf_wrong" not in done.stderr + done.stdout
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub, token="hf_secret"))
        assert done.returncode == 0, done.stderr


def test_token_does_not_leave_the_endpoint(files, exformer, tmp_path):
    """A token that is set goes to the endpoint's own host only, as a header."""
    with Hub({REPO: files}, token="hf_secret") as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub, token="hf_secret"))
        assert done.returncode == 0, done.stderr
        assert all("hf_secret" not in path for _, path, _ in hub.requests)


def test_offline_asks_nobody(files, exformer, tmp_path):
    with Hub({REPO: files}) as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub, offline=True))
        assert done.returncode == 1 and REPO in done.stderr and "HF_HUB_OFFLINE" in done.stderr
        assert not hub.requests and not (tmp_path / "out").exists()


def test_unknown_repository(files, exformer, tmp_path):
    with Hub({REPO: files}) as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub), "someone/nothing")
        assert done.returncode == 1 and "someone/nothing" in done.stderr


def test_unreachable_endpoint(exformer, tmp_path):
    done = export(exformer, tmp_path / "out", environment(tmp_path / "home"))
    assert done.returncode == 1 and "127.0.0.1" in done.stderr


def test_wrong_bytes_are_noticed(files, exformer, tmp_path):
    """A server that sends half a safetensors file gives an error, and nothing is kept as if it were good."""
    spoiled = {**files, "model.safetensors": files["model.safetensors"][:1000]}
    with Hub({REPO: spoiled}) as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub))
        assert done.returncode == 1 and "model.safetensors" in done.stderr
        assert not (tmp_path / "out").exists()


def on_a_terminal(command, env):
    """What a program writes to a terminal, and its exit code."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(part) for part in command], stdout=slave, stderr=slave,
                               env={**os.environ, **env})
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):  # its end
        while part := os.read(master, 65536):
            text += part
    os.close(master)
    return text.decode(), process.wait()


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_progress_on_a_terminal(quiet, files, exformer, tmp_path):
    """Bytes and rate on a line that goes away, when it takes more than half a second."""
    command = [exformer.path, "export", REPO, "--to", "dynamo", "-o", tmp_path / "out", *quiet]
    with Hub({REPO: files}, seconds=1.5) as hub:
        text, code = on_a_terminal(command, environment(tmp_path / "home", hub))
    assert code == 0, text
    if quiet:
        assert "downloading" not in text
        return
    lines = [line for line in text.split("\r") if line.startswith("\033[Kdownloading model.safetensors")]
    assert lines and all(re.search(r"\[#*\.*\] +\d+%  [\d.]+ kB of [\d.]+ kB  [\d.]+ kB/s", line) for line in lines)
    assert "downloading" not in text.split("\033[K")[-1] and "->" in text.split("\033[K")[-1]


def test_a_plain_line_elsewhere(files, exformer, tmp_path):
    with Hub({REPO: files}, seconds=1.5) as hub:
        done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub))
    assert done.returncode == 0
    assert re.fullmatch(r"downloading model.safetensors: [\d.]+ kB in [\d.]+ s\n", done.stderr), done.stderr


def test_adapters_are_refused(files, exformer, tmp_path):
    """Beside a base, and alone."""
    adapter = {"adapter_config.json": b'{"peft_type": "LORA", "base_model_name_or_path": "someone/base"}'}
    with Hub({REPO: {**files, **adapter}, "someone/adapter": adapter}) as hub:
        for repo in (REPO, "someone/adapter"):
            done = export(exformer, tmp_path / "out", environment(tmp_path / "home", hub), repo)
            assert done.returncode == 3 and "LORA" in done.stderr and "someone/base" in done.stderr, done.stderr
