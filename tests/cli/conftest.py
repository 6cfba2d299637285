"""A CLI over a fake API."""

import pytest

from tests.cli.fakes import Cli, FakeApi


@pytest.fixture
def api() -> FakeApi:
    made = FakeApi()
    made.on("GET", "/endpoints/demo/add-sub/revisions", {"items": [], "next_page_token": None})
    return made


@pytest.fixture
def cli(api: FakeApi) -> Cli:
    return Cli(api)
