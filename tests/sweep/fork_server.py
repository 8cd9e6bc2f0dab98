"""A process that has imported what is slow to import, and answers each request in a fork: what crashes, aborts or hangs
costs one answer. Requests and answers are JSON, one a line."""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

SLACK = 30  # seconds that a server gets beyond the limit of the work itself


def said(most=1500):
    """The end of what this fork has printed, C libraries included, in one line."""
    end = os.fstat(2).st_size
    return " ".join(os.pread(2, most, max(0, end - most)).decode(errors="replace").split())


def _last_words(file):
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 400))
    return " ".join(file.read().decode(errors="replace").split())


def _read_until(pipe, process, deadline):
    """What the process writes until it closes the pipe; nothing more once the time is over."""
    chunks = []
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.killpg(process, signal.SIGKILL)
            return None
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def in_fork(work, seconds):
    """The dict that `work` gives in a process of its own, or `{"fault": ...}` when that one did not live to tell."""
    receiver, sender = os.pipe()
    with tempfile.TemporaryFile() as words:
        process = os.fork()
        if process == 0:
            try:
                os.setpgid(0, 0)
                os.close(receiver)
                os.dup2(words.fileno(), 1)
                os.dup2(words.fileno(), 2)
                with os.fdopen(sender, "w") as pipe:
                    pipe.write(json.dumps(work()))
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}".encode())
                os._exit(1)
            os._exit(0)
        os.close(sender)
        answer = _read_until(receiver, process, time.monotonic() + seconds)
        os.close(receiver)
        _, status = os.waitpid(process, 0)
        if answer is None:
            return {"fault": f"no answer after {seconds} s"}
        try:
            return json.loads(answer)
        except ValueError:
            code = os.waitstatus_to_exitcode(status)
            ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
            return {"fault": f"the process ended with {ended}: {_last_words(words)}"}


def serve(handle):
    """Answers the requests on the standard input, each within its `limit` of seconds, until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    gc.collect()
    gc.freeze()  # forks share these pages
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(in_fork(lambda request=request: handle(request), request["limit"])), file=answers, flush=True)


class Server:
    """The other end: a server that is started when it is needed, and again when it has died."""

    def __init__(self, command, environment):
        self.command, self.environment, self.process = command, environment, None

    def ask(self, limit, **request):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            env={**os.environ, **self.environment})
        self.process.stdin.write(json.dumps({**request, "limit": limit}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"fault": f"the server ended with code {self.process.wait()}"}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(SLACK)
