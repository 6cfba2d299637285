"""Alerts and dashboard ask for metrics that the programs export, and alerts fire on what they are
about."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from tests.built import require
from tests.deploy.objects import CHART, ROOT, Json
from tests.http_server import HttpServer, Reply, Request
from tests.waiting import until
from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import WaitsFor
from tidegate.deploy_worker import metrics  # noqa: F401  (registers the worker's own)
from tidegate.deploy_worker.store_gauges import StoreGauges, families
from tidegate.store.gauges import TROUBLE, Endpoint, Failed, Gauges, Waiting, Watched
from tidegate.web.auth import Strangers
from tidegate.web.telemetry import HttpMetrics
from tidegate_local.devcluster.http import await_ok
from tidegate_local.home import free_port
from tidegate_local.processes.process import Spec
from tidegate_local.processes.supervisor import Supervisor

RULES: list[Json] = yaml.safe_load((CHART / "files" / "rules.yaml").read_text())["groups"][0][
    "rules"
]
DASHBOARD: Json = json.loads((CHART / "files" / "dashboard.json").read_text())
KEY = EndpointKey("team-a", "fraud")
BAD = Gauges(
    dict.fromkeys(TROUBLE, 1),
    tuple(Endpoint(EndpointKey("team-a", phase), phase) for phase in TROUBLE),
    tuple(Waiting(KEY, what, 90_000.0) for what in ("approval", "pause", "data", "split")),
    900.0,
    (Failed(KEY, "latency", "notify"),),
    (
        Watched(KEY, "shared-outage"),
        Watched(EndpointKey("team-a", "churn"), "failing"),
    ),
)
GOOD = Gauges(
    {"ready": 5},
    (),
    (Waiting(KEY, "bake", 20.0),),
    0.0,
    watched=(Watched(KEY, "watching"),),
)
# of rates, which one reconcile does not show
NEED_TIME = {
    "TidegateWritesRefused",
    "TidegateDatabaseUnavailable",
    "TidegateApiFails",
    "TidegateManyUnknownCallers",
}


def exported() -> set[str]:
    """Names of every series that the programs may export."""
    http = CollectorRegistry()
    HttpMetrics(http)
    Strangers(http)
    results = [*REGISTRY.collect(), *http.collect(), *families(BAD)]
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return {
        f"{metric.name}{ending}" for metric in results for ending in endings.get(metric.type, ())
    }


def asked(expression: str) -> set[str]:
    return set(re.findall(r"\btidegate_\w+", expression))


def test_every_metric_that_is_asked_for_exists() -> None:
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    desired = {name for expression in expressions for name in asked(expression)}
    assert len(desired) > 8
    assert desired <= exported(), desired - exported()
    assert all(asked(expression) for expression in expressions)


def test_the_page_names_every_alert_and_no_metric_that_there_is_not() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"`(Tidegate[A-Z]\w+)`", page))
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}
    assert asked(page) <= bare


def test_what_a_rollout_waits_for_is_spelled_as_the_core_does() -> None:
    known = set(WaitsFor)
    for rule in RULES:
        for message in re.findall(r'waits_for=~?"([\w|]+)"', rule["expr"]):
            assert set(message.split("|")) <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: Json) -> None:
    annotations = rule["annotations"]
    assert len(annotations["description"]) > 60
    page, _, anchor = annotations["runbook_url"].partition("#")
    assert page == "RUNBOOK"
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert anchor in {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


def test_the_runbooks_page_is_one_of_ours() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["monitoring"]["prometheusRule"]["runbook"].endswith("docs/operations.md")


def test_without_the_database_a_scrape_still_answers() -> None:
    registry = CollectorRegistry()
    registry.register(StoreGauges(lambda: GOOD))
    assert b'tidegate_endpoints{phase="ready"} 5.0' in generate_latest(registry)


class Page:
    """A page of metrics that Prometheus scrapes."""

    def __init__(self) -> None:
        self.gauges = GOOD
        registry = CollectorRegistry()
        registry.register(StoreGauges(lambda: self.gauges))

        def answer(_: Request) -> Reply:
            running = b""
            if self.gauges is GOOD:
                running = b"tidegate_reconciles_running 0\n"
            return Reply(
                generate_latest(registry) + running, headers={"Content-Type": CONTENT_TYPE_LATEST}
            )

        self.server = HttpServer(answer)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[Page, str]]:
    """A real Prometheus with the chart's rules, and the page that it scrapes."""
    prometheus = require(["prometheus"])["prometheus"]
    page = Page()
    url = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "rules.yaml").write_text((CHART / "files" / "rules.yaml").read_text())
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "worker", "static_configs": [{"targets": [page.address]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    flags = {
        "config.file": tmp_path / "prometheus.yml",
        "storage.tsdb.path": tmp_path / "data",
        "web.listen-address": url.removeprefix("http://"),
    }
    command = [
        str(prometheus.program("prometheus")),
        *(f"--{key}={value}" for key, value in flags.items()),
    ]
    supervisor = Supervisor(tmp_path)
    supervisor.start(
        Spec("prometheus", lambda: command, tmp_path / "log", environ={"PATH": "/usr/bin:/bin"})
    )
    try:
        await_ok("prometheus", f"{url}/-/ready", tmp_path / "log", 60)
        yield page, url
    finally:
        supervisor.close()
        page.server.close()


@pytest.mark.cluster
def test_alerts_are_quiet_while_all_is_well_and_speak_when_it_is_not(
    scraped: tuple[Page, str],
) -> None:
    page, url = scraped

    def ask(path: str, **query: str) -> Json:
        data: Json = httpx2.get(f"{url}/api/v1/{path}", params=query, trust_env=False).json()[
            "data"
        ]
        return data

    def speaking() -> set[str]:
        groups = ask("rules")["groups"]
        return {rule["name"] for group in groups for rule in group["rules"] if rule["alerts"]}

    until(lambda: bool(ask("query", query="tidegate_endpoints")["result"]))
    rules = ask("rules")["groups"][0]["rules"]
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in RULES}
    until(lambda: all(rule["health"] == "ok" for rule in ask("rules")["groups"][0]["rules"]))
    until(lambda: not speaking())
    page.gauges = BAD
    until(lambda: speaking() >= {rule["alert"] for rule in RULES} - NEED_TIME)
