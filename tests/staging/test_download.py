"""A fetch that breaks off goes on where it stopped, and only ever over https."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tidegate.staging.download import HttpsFile, fetch
from tidegate.staging.sources import SourceError

BYTES = bytes(range(256)) * 40
URL = "https://models.example.com/m.tar?signature=secret"


class Breaking(httpx2.SyncByteStream):
    """Sends so many bytes, then the line is cut."""

    def __init__(self, data: bytes, cut: bool) -> None:
        self.data = data
        self.cut = cut

    def __iter__(self) -> Iterator[bytes]:
        yield self.data
        if self.cut:
            raise httpx2.ReadError("the line was cut")


class Server(httpx2.BaseTransport):
    """Sends at most `most` bytes per answer. asked: the ranges that were asked for."""

    def __init__(self, data: bytes = BYTES, most: int = len(BYTES), tag: str = '"v1"') -> None:
        self.data = data
        self.most = most
        self.tag = tag
        self.asked: list[str | None] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if "location" in request.url.path:  # where `to` says, else to itself
            to = request.url.params.get("to", str(request.url))
            return httpx2.Response(302, headers={"location": to})
        self.asked.append(request.headers.get("range"))
        start = 0
        if request.headers.get("if-range") == self.tag:
            start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        rest = self.data[start:]
        if not rest:
            return httpx2.Response(416, headers={"content-range": f"bytes */{len(self.data)}"})
        span = {}
        if start:
            span = {"content-range": f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"}
        headers = {"etag": self.tag, "content-length": str(len(rest)), **span}
        body = Breaking(rest[: self.most], cut=self.most < len(rest))
        return httpx2.Response(206 if start else 200, headers=headers, stream=body)


def get(
    server: Server, folder: Path, url: str = URL, most: int = 1 << 20, sha256: str | None = None
) -> bytes:
    return fetch(
        HttpsFile(url, server), folder, most, lambda done, total: None, sha256
    ).read_bytes()


def test_what_broke_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    server = Server(most=4000)
    for _ in range(2):
        with pytest.raises(SourceError, match="the line was cut"):
            get(server, tmp_path)
    assert get(server, tmp_path, sha256=hashlib.sha256(BYTES).hexdigest()) == BYTES
    assert server.asked == [None, "bytes=4000-", "bytes=8000-"]
    assert get(server, tmp_path) == BYTES, "all of it is there: nothing is sent again"


def test_two_at_once_do_not_write_into_one_file(tmp_path: Path) -> None:
    class Twice(Server):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            with pytest.raises(SourceError, match="is being fetched already"):
                get(Server(), tmp_path)
            return super().handle_request(request)

    assert get(Twice(), tmp_path) == BYTES


def test_other_bytes_under_the_same_url_begin_anew(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        get(Server(most=4000), tmp_path)
    assert get(Server(data=BYTES[::-1], tag='"v2"'), tmp_path) == BYTES[::-1]
    with pytest.raises(SourceError):
        get(Server(most=4000, tag='W/"weak"'), tmp_path / "weak")
    assert get(Server(tag='W/"weak"'), tmp_path / "weak") == BYTES


def test_bytes_that_are_not_those_that_were_meant_are_refused_and_thrown_away(
    tmp_path: Path,
) -> None:
    with pytest.raises(SourceError, match="expected 0000") as raised:
        get(Server(), tmp_path, sha256="0" * 64)
    assert "secret" not in str(raised.value), "a signed URL is a credential"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://models.example.com/m.tar", "over https only"),
        ("https://m.example.com/location?to=http://m.example.com/m.tar", "over https only"),
        ("https://m.example.com/location?to=file:///etc/passwd", "over https only"),
        ("https://m.example.com/location?to=/location/again", "redirects more than 5 times"),
    ],
)
def test_redirects_stay_on_https_and_end(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        get(Server(), tmp_path, url)


def test_a_redirect_to_https_is_followed(tmp_path: Path) -> None:
    assert (
        get(Server(), tmp_path, "https://m.example.com/location?to=https://cdn.example.com/m.tar")
        == BYTES
    )


def test_too_much_is_refused_while_it_comes(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="larger than 100 bytes"):
        get(Server(), tmp_path, most=100)
