"""Two metric sources with one page of metrics: a small HTTP server that answers as Prometheus'
documentation says, and a real Prometheus that scrapes the page."""

import json
import math
import re
import subprocess
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs

from tests.built import require
from tests.http_server import HttpServer, Reply, Request
from tidegate_local.home import free_port

_QUERY = re.compile(r"(\w+)\{(.*)\}(?:\[(\d+)s\])?", re.DOTALL)
_MATCHER = re.compile(r'(\w+)(=~|=)("(?:[^"\\]|\\.)*")')
Series = tuple[tuple[str, str], ...]


class Page:
    """Metrics by name and labels, as an exporter shows them."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Series], float] = {}

    def set(self, name: str, value: float, namespace: str = "team", **labels: str) -> None:
        key = (name, tuple(sorted({"namespace": namespace, **labels}.items())))
        self.values[key] = value

    def text(self) -> str:
        lines = []
        for (name, labels), value in self.values.items():
            written = ",".join(f'{label}="{text}"' for label, text in labels)
            number = "NaN" if math.isnan(value) else f"{value:g}"
            lines.append(f"{name}{{{written}}} {number}")
        return "\n".join(lines) + "\n"


class SmallServer:
    """Answers selectors over the page as it is now. before: called before each answer."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.before: Callable[[], Reply | None] = lambda: None
        self.queries: list[str] = []
        self._at = 0.0
        self._shown: dict[tuple[str, Series], float] = {}
        self._http = HttpServer(self._answer)
        self.url = self._http.url

    def scraped(self) -> None:
        """What the page shows is known at once, as of one scrape."""
        self._at = time.time()
        self._shown = dict(self.page.values)

    def close(self) -> None:
        self._http.close()

    def _answer(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode())
        query = form["query"][0]
        assert re.fullmatch(r"\d+(ms|s)", form["timeout"][0])  # Prometheus reads no fractions
        self.queries.append(query)
        other = self.before()
        if other is not None:
            return other
        match = _QUERY.fullmatch(query)
        if match is None:
            body = {"status": "error", "errorType": "bad_data", "error": "invalid parameter"}
            return Reply(body, 400)
        matchers = [(m[1], m[2], json.loads(m[3])) for m in _MATCHER.finditer(match[2])]
        now = self._at
        result = []
        for (name, labels), value in self._shown.items():
            known = dict(labels)
            if name == match[1] and all(_matches(known, *each) for each in matchers):
                number = "NaN" if math.isnan(value) else f"{value:g}"
                result.append({"metric": {"__name__": name, **known}, "at": [now, number]})
        kind, field = ("vector", "value") if match[3] is None else ("matrix", "values")
        items = [
            {"metric": each["metric"], field: each["at"] if field == "value" else [each["at"]]}
            for each in result
        ]
        body = {"status": "success", "data": {"resultType": kind, "result": items}}
        return Reply(body, headers={"date": formatdate(now, usegmt=True)})


def _matches(labels: dict[str, str], label: str, how: str, value: str) -> bool:
    if how == "=":
        return labels.get(label, "") == value
    return re.fullmatch(value, labels.get(label, "")) is not None


class RealServer:
    """A real Prometheus that scrapes the page each second."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.scrapes = 0
        self._shown = HttpServer(self._show)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        target = {"targets": [f"127.0.0.1:{self._shown.port}"]}
        job = {"job_name": "app", "honor_labels": True, "static_configs": [target]}
        times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        (folder / "prometheus.yml").write_text(
            json.dumps({"global": times, "scrape_configs": [job]})
        )
        program = require(["prometheus"])["prometheus"].program("prometheus")
        flags = {
            "config.file": folder / "prometheus.yml",
            "storage.tsdb.path": folder / "data",
            "web.listen-address": f"127.0.0.1:{self._port}",
        }
        with (folder / "log").open("ab") as log:
            command = [str(program), *(f"--{key}={value}" for key, value in flags.items())]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def scraped(self) -> None:
        """Wait until Prometheus has stored what the page shows: two scrapes have begun since, so
        one of them is over."""
        target = self.scrapes + 2
        deadline = time.monotonic() + 40
        while self.scrapes < target:
            assert time.monotonic() < deadline, "Prometheus does not scrape"
            threading.Event().wait(0.05)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._shown.close()

    def _show(self, _: Request) -> Reply:
        self.scrapes += 1
        return Reply(self.page.text(), headers={"content-type": "text/plain; version=0.0.4"})
