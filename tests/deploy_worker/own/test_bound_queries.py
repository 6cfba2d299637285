"""A real Prometheus parses bound queries: every selector that it sees is bound to the namespace."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import find, settings

from tests.core.own.queries import anything
from tests.deploy_worker.own.sources import Page, RealServer
from tidegate.core.own.promql import Subject, counters, expression
from tidegate.core.own.spec import Own, ReadyMade
from tidegate.core.own.tokens import Refused

pytestmark = pytest.mark.cluster
SUBJECT = Subject("team-a", "r2", ("fraud-r2-predictor-0.x",), 30.0)
OWN_NAMESPACE = {"name": "namespace", "type": "=", "value": "team-a"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    server = RealServer(Page(), tmp_path_factory.mktemp("prometheus"))
    server.scraped()
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        yield client
    server.close()


def selectors(node: Any) -> Iterator[dict[str, Any]]:
    """Every selector of a query, as Prometheus understands it."""
    if isinstance(node, list):
        for each in node:
            yield from selectors(each)
    elif isinstance(node, dict):
        if node.get("type") in ("vectorSelector", "matrixSelector"):
            yield node
        for value in node.values():
            yield from selectors(value)


def check(client: httpx2.Client, text: str, count: int) -> bool:
    """Whether Prometheus parses a bound query; if so, its selectors are those that were bound."""
    answer = client.post("/api/v1/parse_query", data={"query": text}).json()
    if answer["status"] != "success":
        return False
    seen = list(selectors(answer["data"]))
    assert len(seen) == count, text
    for each in seen:
        spaces = [m for m in each["matchers"] if m["name"] == "namespace"]
        assert spaces == [OWN_NAMESPACE], text
        assert not each.get("offset"), text
        assert each.get("timestamp") is None, text
    return True


def test_every_selector_is_bound_also_of_hostile_queries(prometheus: httpx2.Client) -> None:
    parsed: set[str] = set()

    def again(query: str) -> bool:
        for read in (expression, counters):
            try:
                bound = read(query, SUBJECT)
            except Refused:
                continue
            if check(prometheus, bound.text, len(bound.selectors)):
                parsed.add(bound.text)
        return len(parsed) >= 100

    find(anything(), again, settings=settings(max_examples=20_000, deadline=None, database=None))
    assert len(parsed) >= 100


def test_what_is_ready_made_is_parsed(prometheus: httpx2.Client) -> None:
    for ready in ReadyMade:
        queries = Own(ready.value, ready=ready).queries
        for text in (queries.part, queries.whole):
            if text:
                bound = counters(text, SUBJECT)
                assert check(prometheus, bound.text, len(bound.selectors))
        if queries.value:
            bound = expression(queries.value, SUBJECT)
            assert check(prometheus, bound.text, len(bound.selectors))
