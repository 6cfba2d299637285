"""A CLI over a fake API."""

import pytest

from tests.cli.fakes import Cli, FakeApi


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def cli(api: FakeApi) -> Cli:
    return Cli(api)
