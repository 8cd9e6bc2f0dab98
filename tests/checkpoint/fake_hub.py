"""A stand-in for the Hub on loopback, for the C++ tests: fake_hub.py SCENARIO.json LOG prints its port and serves
until its standard input ends, at the latest after a minute.

SCENARIO: {"files": {name: text}, "repository": id, and any of
  "token": what Authorization must carry, "sha": the commit,
  "status": {path part: [codes answered before the real answer]},
  "error_code": X-Error-Code of 401, 403 and 404 answers, "etag": {name: instead of the sum}, "size": {name: announced},
  "cut": {name: [bytes after which an answer breaks off, one per answer]}, "no_ranges": true, "wrong_range": true,
  "elsewhere": true (files lie on another port), "to": a Location for files, "moved": true (a relative redirect first),
  "siblings": [names listed instead], "answer": text of the description instead}
LOG gets a JSON line per request: {"server": "hub" or "elsewhere", "method", "path", "headers"}.
"""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

scenario = json.load(open(sys.argv[1], encoding="utf-8"))
log = open(sys.argv[2], "a", encoding="utf-8", buffering=1)
files = {name: text.encode("utf-8") for name, text in scenario["files"].items()}
repository = scenario["repository"]
sha = scenario.get("sha", "0123456789abcdef0123456789abcdef01234567")
pending = {part: list(codes) for part, codes in scenario.get("status", {}).items()}
cuts = {name: list(bytes_) for name, bytes_ in scenario.get("cut", {}).items()}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_name = "hub"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.respond()

    def do_GET(self):
        self.respond()

    def respond(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        log.write(
            json.dumps({"server": self.server_name, "method": self.command, "path": self.path, "headers": headers})
            + "\n"
        )
        path = unquote(self.path.split("?")[0])
        for part, codes in pending.items():
            if part in path and codes:
                code = codes.pop(0)
                return self.send(code, {"X-Error-Code": scenario.get("error_code", "")}, b"")
        if self.server_name == "elsewhere":
            return self.send_contents(path.strip("/"))
        token = scenario.get("token")
        if token and headers.get("authorization") != "Bearer " + token:
            return self.send(401, {"X-Error-Code": scenario.get("error_code", "")}, b"")
        if path.startswith("/api/models/" + repository + "/revision/"):
            return self.describe()
        name = path.removeprefix(f"/{repository}/resolve/{sha}/")
        if name == path or name not in files:
            return self.send(404, {"X-Error-Code": scenario.get("error_code", "EntryNotFound")}, b"")
        self.send_file(name)

    def describe(self):
        listed = scenario.get("siblings", list(files))
        answer = json.dumps({"id": repository, "sha": sha, "siblings": [{"rfilename": name} for name in listed]})
        self.send(200, {"Content-Type": "application/json"}, scenario.get("answer", answer).encode())

    def send_file(self, name):
        if scenario.get("moved") and "moved" not in self.path:
            return self.send(307, {"Location": self.path + "?moved=1"}, b"")
        linked = {"X-Linked-Etag": f'"{self.etag(name)}"', "X-Linked-Size": str(self.size(name))}
        if "to" in scenario:
            return self.send(302, {**linked, "Location": scenario["to"]}, b"")
        if scenario.get("elsewhere"):
            return self.send(302, {**linked, "Location": f"http://127.0.0.1:{elsewhere.server_port}/{name}"}, b"")
        self.send_contents(name)

    def etag(self, name):
        return scenario.get("etag", {}).get(name, hashlib.sha256(files[name]).hexdigest())

    def size(self, name):
        return scenario.get("size", {}).get(name, len(files[name]))

    def send_contents(self, name):
        data = files[name]
        headers = {"ETag": f'"{self.etag(name)}"'}
        wanted = self.headers.get("Range", "")
        if not wanted or scenario.get("no_ranges"):
            return self.send(200, headers, data, name)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            return self.send(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        start = 0 if scenario.get("wrong_range") else start
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send(206, headers, data[start:], name)

    def send(self, code, headers, data, name=None):
        self.send_response(code)
        for key, value in headers.items():
            if value:
                self.send_header(key, value)
        head = self.command == "HEAD"
        self.send_header("Content-Length", str(self.size(name) if head and name else len(data)))
        self.end_headers()
        if head:
            return
        if cuts.get(name):
            self.wfile.write(data[: cuts[name].pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(data)


class ElsewhereHandler(Handler):
    server_name = "elsewhere"


hub = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), ElsewhereHandler)
for server in (hub, elsewhere):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(hub.server_port, flush=True)
waiting = threading.Thread(target=sys.stdin.read, daemon=True)
waiting.start()
waiting.join(60)
