"""A small API server in this process: objects by path, LIST with pages, WATCH with bookmarks and
410, POST, PATCH (apply) and DELETE with uid preconditions, and faults on demand. The adapter's
tests speak HTTP to it."""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
DROP = "drop the connection"


@dataclass
class Fault:
    """Answers the next `times` requests of this method whose path matches. answer: (status,
    headers, body) or DROP."""

    method: str
    path: str
    answer: Any
    times: int = 1


@dataclass
class FakeKubernetes:
    """What the server knows. requests: every (method, path with query) that came."""

    objects: dict[str, Json] = field(default_factory=dict)  # path -> object
    # "/api/v1/pods"-like: root/plural, served kinds
    collections: set[str] = field(default_factory=set)
    version: int = 100
    events: list[tuple[int, str, Json]] = field(default_factory=list)  # of every collection
    oldest: int = 0  # watches from before this version are Gone
    denied: set[str] = field(default_factory=set)  # namespaces
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    cut: int = 0  # raised to end every open watch without a word
    page: int = 500
    closing: bool = False
    logs: dict[str, str] = field(default_factory=dict)  # by pod
    reviews: Callable[[Json], bool] = lambda _: False  # whether a resource's attributes are allowed

    def put(self, path: str, item: Json) -> Json:
        """Create or replace as somebody else would."""
        with self.changed:
            before = self.objects.get(path)
            meta = item.setdefault("metadata", {})
            meta.setdefault("name", path.rsplit("/", 1)[1])
            meta.setdefault("uid", before["metadata"]["uid"] if before else str(uuid.uuid4()))
            space = _namespace(path)
            if space and path.split("/")[-2] != "namespaces":
                meta.setdefault("namespace", space)
            self.version += 1
            stored = {**item, "metadata": {**meta, "resourceVersion": str(self.version)}}
            self.objects[path] = stored
            self._tell("MODIFIED" if before else "ADDED", stored, path)
            return stored

    def drop(self, path: str) -> Json:
        """Delete at once."""
        with self.changed:
            gone = self.objects.pop(path)
            self.version += 1
            gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
            self._tell("DELETED", gone, path)
            return gone

    def bookmark(self) -> None:
        """Tell every watch the present version."""
        with self.changed:
            self.version += 1
            self._tell("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}}, "")

    def compact(self) -> None:
        """Forget history: watches that resume at an older version are Gone, open ones too."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.changed.notify_all()

    def cut_watches(self) -> None:
        """Break every open watch in the middle of a line."""
        with self.changed:
            self.cut += 1
            self.changed.notify_all()

    def fail(self, method: str, path: str, answer: Any, times: int = 1) -> None:
        """The next requests of this kind go wrong."""
        self.faults.append(Fault(method, path, answer, times))

    def count(self, method: str, path: str) -> int:
        """How many requests there were whose path matches."""
        return sum(m == method and re.search(path, p) is not None for m, p in self.requests)

    def wait(self, until: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for a fact, woken by every change and request."""
        with self.changed:
            assert self.changed.wait_for(until, seconds), "it did not come to be"

    def _tell(self, kind: str, item: Json, path: str) -> None:
        self.events.append((self.version, kind, {**item, "_path": path}))
        self.changed.notify_all()


def _namespace(path: str) -> str:
    match = re.search(r"/namespaces/([^/]+)/", path + "/")
    if not match:
        return ""
    return match[1]


def status(code: int, reason: str, message: str) -> Json:
    """A failure as Kubernetes words it."""
    return {
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def missing(path: str) -> Json:
    """The answer where the kind is known and this object is not there."""
    kind, name = path.split("/")[-2:]
    manifest = status(404, "NotFound", f'{kind} "{name}" not found')
    return {**manifest, "details": {"name": name, "kind": kind}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: FakeKubernetes

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """LIST, WATCH or GET."""
        split = self._begin()
        if split is None:
            return None
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        world = self.world
        path = split.path
        if path in world.objects:
            return self._send(200, world.objects[path])
        if path.endswith("/log"):
            return self._text(world.logs[path.split("/")[-2]])
        if re.fullmatch(r"/apis?(/[^/]+)?/v\w+", path):
            return self._discover(path)
        if not self._served(path):
            if self._served(path.rsplit("/", 1)[0]):
                return self._send(404, missing(path))
            code = status(404, "NotFound", "the server could not find the requested resource")
            return self._send(404, code)
        if "watch" in query:
            return self._watch(path, query)
        return self._list(path, query)

    def do_POST(self) -> None:
        """Create."""
        split = self._begin()
        if split is None:
            return
        item = json.loads(self.body)
        if split.path.endswith("/selfsubjectaccessreviews"):
            allowed = self.world.reviews(item["spec"]["resourceAttributes"])
            self._send(201, {**item, "status": {"allowed": allowed}})
            return
        path = f"{split.path}/{item['metadata']['name']}"
        if path in self.world.objects:
            self._send(
                409, status(409, "AlreadyExists", f'"{item["metadata"]["name"]}" already exists')
            )
        elif "dryRun" in split.query:
            self._send(
                201,
                {**item, "metadata": {**item["metadata"], "uid": "dry", "resourceVersion": "1"}},
            )
        else:
            fields = [{"manager": "tidegate", "operation": "Update", "fieldsV1": {}}]
            self._send(
                201,
                self.world.put(
                    path, {**item, "metadata": {**item["metadata"], "managedFields": fields}}
                ),
            )

    def do_PATCH(self) -> None:
        """Apply, or the JSON patch that takes over managedFields."""
        split = self._begin()
        if split is None:
            return None
        manifest = self.world.objects.get(split.path)
        body = json.loads(self.body)
        if isinstance(body, list):
            assert manifest is not None
            fields = [
                {**f, "operation": "Apply"} for f in manifest["metadata"].get("managedFields", ())
            ]
            taken = {**manifest, "metadata": {**manifest["metadata"], "managedFields": fields}}
            return self._send(200, self.world.put(split.path, taken))
        uid = body["metadata"].pop("uid", None)
        if uid is not None and (manifest is None or manifest["metadata"]["uid"] != uid):
            there = "none"
            if manifest:
                there = manifest["metadata"]["uid"]
            return self._send(
                409, status(409, "Conflict", f"uid mismatch: the provided is {uid}, found {there}")
            )
        before = manifest or {"metadata": {}}
        merged = {**before, **body, "metadata": {**before["metadata"], **body["metadata"]}}
        return self._send(
            200, merged if "dryRun" in split.query else self.world.put(split.path, merged)
        )

    def do_DELETE(self) -> None:
        """Delete with a uid precondition; finalizers hold."""
        split = self._begin()
        if split is None:
            return
        manifest = self.world.objects.get(split.path)
        uid = json.loads(self.body)["preconditions"]["uid"]
        if manifest is None:
            self._send(404, missing(split.path))
        elif manifest["metadata"]["uid"] != uid:
            self._send(
                409, status(409, "Conflict", f"the UID in the precondition ({uid}) does not match")
            )
        elif "dryRun" in split.query:
            self._send(200, {"kind": "Status", "status": "Success"})
        elif manifest["metadata"].get("finalizers"):
            going = {**manifest["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
            self._send(200, self.world.put(split.path, {**manifest, "metadata": going}))
        else:
            self.world.drop(split.path)
            self._send(200, {"kind": "Status", "status": "Success"})

    def _begin(self) -> Any:
        """Read and note the request; None where a fault has answered it."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urlsplit(self.path)
        with self.world.changed:
            self.world.requests.append((self.command, self.path))
            self.world.changed.notify_all()
            fault = next(
                (
                    f
                    for f in self.world.faults
                    if f.method == self.command and f.times and re.search(f.path, self.path)
                ),
                None,
            )
            if fault is not None:
                fault.times -= 1
        if fault is not None:
            if fault.answer == DROP:
                self.close_connection = True
                self.connection.close()
            else:
                self._send(fault.answer[0], fault.answer[2], fault.answer[1])
            return None
        if (
            _namespace(split.path) in self.world.denied
            and split.path.split("/")[-2] != "namespaces"
        ):
            self._send(403, status(403, "Forbidden", f'"tidegate" cannot {self.command} here'))
            return None
        return split

    def _served(self, path: str) -> bool:
        return re.sub(r"/namespaces/[^/]+", "", path) in self.world.collections

    def _discover(self, path: str) -> None:
        names = [c.rsplit("/", 1)[1] for c in self.world.collections if c.rsplit("/", 1)[0] == path]
        if names:
            self._send(200, {"resources": [{"name": name} for name in names]})
        else:
            self._send(
                404, status(404, "NotFound", "the server could not find the requested resource")
            )

    def _within(self, path: str, selector: str) -> dict[str, Json]:
        return {
            name: item
            for name, item in self.world.objects.items()
            if name.rsplit("/", 1)[0] == path and _selected(item, selector)
        }

    def _list(self, path: str, query: dict[str, str]) -> None:
        with self.world.changed:
            results = sorted(self._within(path, query.get("labelSelector", "")).items())
            start = int(query.get("continue", 0))
            page = [item for _, item in results[start : start + self.world.page]]
            meta: Json = {"resourceVersion": str(self.world.version)}
            if start + self.world.page < len(results):
                meta["continue"] = str(start + self.world.page)
        # Built-in kinds: items of a list carry neither kind nor apiVersion.
        strip = ()
        if path.startswith("/api/"):
            strip = ("kind", "apiVersion")
        self._send(
            200,
            {
                "metadata": meta,
                "items": [{k: v for k, v in i.items() if k not in strip} for i in page],
            },
        )

    def _watch(self, path: str, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        at, cut, selector = (
            int(query["resourceVersion"]),
            self.world.cut,
            query.get("labelSelector", ""),
        )
        while True:
            with self.world.changed:
                self.world.changed.wait_for(
                    lambda at=at: (
                        self.world.version > at
                        or self.world.cut > cut
                        or self.world.closing
                        or at < self.world.oldest
                    )
                )
                due = [event for event in self.world.events if event[0] > at]
                gone, broken = at < self.world.oldest, self.world.cut > cut or self.world.closing
                at = self.world.version
            try:
                if gone:
                    return self._end(
                        {
                            "type": "ERROR",
                            "object": status(410, "Expired", "too old resource version"),
                        }
                    )
                if broken:
                    self._chunk(b'{"type": "ADDED", "obj')
                    self.close_connection = True
                    return self.connection.close()
                for _, kind, item in due:
                    if kind == "BOOKMARK" or (
                        item["_path"].rsplit("/", 1)[0] == path and _selected(item, selector)
                    ):
                        state = {key: value for key, value in item.items() if key != "_path"}
                        self._chunk(json.dumps({"type": kind, "object": state}).encode() + b"\n")
            except OSError:
                self.close_connection = True
                return None

    def _end(self, last: Json) -> None:
        self._chunk(json.dumps(last).encode() + b"\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _text(self, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send(self, code: int, body: Json, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _selected(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    key, _, value = selector.partition("=")
    return not key or (labels.get(key) == value if value else key in labels)


@contextmanager
def serve() -> Iterator[tuple[FakeKubernetes, str]]:
    """The server on a free port of 127.0.0.1: its world and its URL."""
    world = FakeKubernetes()
    handler = type("Bound", (Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True).start()
    try:
        yield world, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        with world.changed:
            world.closing = True
            world.changed.notify_all()
        server.shutdown()
        server.server_close()
