"""Hosts that a model's address may lead to: judged where the connection is made, on a real server
on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from tests.http_server import HttpServer, Reply, Request
from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.outbound import Guarded, Places, inside, places, way
from tidegate.staging.registry import StagedRegistry
from tidegate.staging.sources import Access, S3Access, SourceError, open_source

PUBLIC = "93.184.216.34"


class Page:
    """Answers its Host header; `/to?<url>` sends on. `seen`: the paths."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.server = HttpServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        self.seen.append(request.path)
        if request.path.startswith("/to?"):
            return Reply(
                request.headers["host"], 302, {"location": request.path.removeprefix("/to?")}
            )
        return Reply(request.headers["host"])


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page()
    yield page
    page.server.close()


class Names:
    """A name server: each answer is used once, the last one for ever."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        left = self.answers[host]
        return (left.pop(0) if len(left) > 1 else left[0]).split()


def get(allowed: Places, url: str) -> httpx2.Response:
    with httpx2.Client(transport=Guarded(allowed), follow_redirects=True, timeout=10) as client:
        return client.get(url)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
        ),
        *(
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
        ),
        *(
            "fd00:ec2::254",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ),
        *("2002:7f00:1::", "2002:a9fe:a9fe::", "ff02::1"),
        *(
            "64:ff9b:1::7f00:1",
            "192.0.0.192",
            "fec0::1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "3fff::1",
        ),
    ],
)
def test_addresses_inside_however_they_are_written(address: str) -> None:
    assert inside(address)


def test_public_addresses_are_not_inside() -> None:
    assert not any(
        map(inside, (PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"))
    )


def test_nothing_inside_is_reached_by_name_number_or_one_of_several_addresses(page: Page) -> None:
    port = page.server.port
    names = Names(rebound_example=["127.0.0.1"], both_example=[f"{PUBLIC} 127.0.0.1"])
    for host in ("rebound.example", "both.example"):
        with pytest.raises(SourceError, match=r"leads to 127\.0\.0\.1, which is no public address"):
            get(Places((), names), f"http://{host}:{port}/secret")
    for written in (
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "localhost",
    ):
        with pytest.raises(SourceError, match="no public address"):
            get(Places(), f"http://{written}:{port}/secret")
    assert page.seen == []


def test_a_host_that_the_operator_names_is_reached_at_the_address_that_was_judged(
    page: Page,
) -> None:
    names = Names(store_corp=["127.0.0.1", PUBLIC])  # a second lookup would lead elsewhere
    answer = get(Places((".corp",), names), f"http://store.corp:{page.server.port}/m.tar")
    assert (answer.status_code, answer.text) == (200, f"store.corp:{page.server.port}")
    assert names.asked == ["store.corp"]


def test_each_redirect_is_judged_anew(page: Page) -> None:
    names = Names(
        store_corp=["127.0.0.1"], evil_example=["127.0.0.1"], meta_example=["169.254.169.254"]
    )
    for to in (
        f"http://evil.example:{page.server.port}/x",
        "http://meta.example/latest",
        "http://169.254.169.254/",
    ):
        with pytest.raises(SourceError, match="no public address"):
            get(
                Places(("store.corp",), names if "169" not in to else _literal(names)),
                _to(page, to),
            )
    assert all(path.startswith("/to?") for path in page.seen)


def _to(page: Page, url: str) -> str:
    return f"http://store.corp:{page.server.port}/to?{url}"


def _literal(names: Names) -> Names:
    names.answers["169.254.169.254"] = ["169.254.169.254"]
    return names


def test_the_name_is_what_certificates_and_the_server_see() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    guarded = Guarded(Places((), Names(models_example=[PUBLIC])), httpx2.MockTransport(answer))
    with httpx2.Client(transport=guarded) as client:
        client.get("https://models.example/m.tar?signature=x")
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC}/m.tar?signature=x"
    assert request.headers["host"] == "models.example"
    assert request.extensions["sni_hostname"] == "models.example"


def test_an_address_that_the_cluster_reads_names_no_host_inside() -> None:
    names = Names(models_example=[PUBLIC], rebound_example=["10.0.0.7"], store_corp=["10.0.0.8"])
    schemes = ("https", "http", "oci", "hf", "gs", "pvc")
    registry = StagedRegistry(schemes, places=Places(("store.corp",), names))
    for fine in (
        "https://models.example/m/",
        "https://store.corp/m/",
        "oci://models.example/m:1",
        "hf://org/m",
    ):
        assert isinstance(registry.resolve(fine), Resolved), fine
    for uri in (
        "https://rebound.example/m/",
        "oci://rebound.example/m:1",
        "http://[/",
        "https:///m",
    ):
        assert isinstance(registry.resolve(uri), Unresolved), uri


def test_a_bucket_is_a_name_and_leads_nowhere_else(tmp_path: Path) -> None:
    access = Access(s3=S3Access(endpoint="http://127.0.0.1:1"))
    for bucket in (
        "arn:aws:s3:us-east-1:123456789012:accesspoint:x",
        "me@bucket",
        "bucket:99",
        "-x",
    ):
        with pytest.raises(SourceError, match="is no name of a bucket"):
            open_source(f"s3://{bucket}/m/", access)


def test_the_settings_name_hosts_and_a_proxy_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert places({"TIDEGATE_STORAGE_HOSTS": "store.corp, .models.corp"}).hosts == (
        "store.corp",
        ".models.corp",
    )
    assert Places((".corp",)).named("Store.Corp.")
    assert not Places(("store.corp",)).named("evil-store.corp")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(way("https://models.example/m.tar"), Guarded)
    monkeypatch.setenv("https_proxy", "http://proxy.corp:3128")
    assert way("https://models.example/m.tar") is None
    monkeypatch.setenv("no_proxy", "models.example")
    assert isinstance(way("https://models.example/m.tar"), Guarded)
