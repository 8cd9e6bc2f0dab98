"""A small stand-in for the Hub on localhost, faithful enough that huggingface_hub itself downloads from it."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves {repo id: {file name: bytes}}. `token` guards everything; `cut_after` breaks large answers off once;
    `seconds` is how long each weights file takes."""

    def __init__(self, repos, token=None, cut_after=None, seconds=0):
        self.repos, self.token, self.cut_after, self.seconds = repos, token, cut_after, seconds
        self.requests = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_HEAD(self):
                hub.answer(self, body=False)

            def do_GET(self):
                hub.answer(self, body=True)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        self.requests.append((handler.command, handler.path, dict(handler.headers)))
        if self.token is not None and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return self.send(handler, 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, b"", body)
        path = handler.path.split("?")[0].strip("/")
        if path.startswith("api/models/"):
            return self.describe(handler, path.removeprefix("api/models/"), body)
        repo, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        files = self.repos.get(repo)
        if files is None:
            return self.send(handler, 404, {"X-Error-Code": "RepoNotFound"}, b"", body)
        if revision not in ("main", COMMIT):
            return self.send(handler, 404, {"X-Error-Code": "RevisionNotFound"}, b"", body)
        if name not in files:
            return self.send(handler, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"", body)
        self.send_file(handler, files[name], body)

    def describe(self, handler, path, body):
        repo = next((r for r in self.repos if path == r or path.startswith(r + "/")), None)
        if repo is None:
            return self.send(handler, 404, {"X-Error-Code": "RepoNotFound"}, b"", body)
        rest = path[len(repo):].strip("/")
        files = self.repos[repo]
        if rest.startswith("tree/"):
            text = [{"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for name, data in files.items()]
        else:
            text = {"id": repo, "modelId": repo, "sha": COMMIT, "private": False, "tags": [], "downloads": 0,
                    "siblings": [{"rfilename": name} for name in files]}
        self.send(handler, 200, {"Content-Type": "application/json"}, json.dumps(text).encode(), body)

    def send_file(self, handler, data, body):
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes",
                   "Content-Type": "application/octet-stream"}
        code, part = 200, data
        wanted = handler.headers.get("Range", "")
        if wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), int(last) if last else len(data) - 1
            if start >= len(data):
                return self.send(handler, 416, {"Content-Range": f"bytes */{len(data)}"}, b"", body)
            code, part = 206, data[start:end + 1]
            headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        self.send(handler, code, headers, part, body)

    def send(self, handler, code, headers, data, body):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if not body:
            return
        if self.cut_after is not None and len(data) > self.cut_after:
            handler.wfile.write(data[:self.cut_after])
            self.cut_after = None
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.close()
            return
        parts = 20 if self.seconds and len(data) > 10000 else 1
        for number in range(parts):
            handler.wfile.write(data[len(data) * number // parts:len(data) * (number + 1) // parts])
            time.sleep(self.seconds / parts if parts > 1 else 0)
