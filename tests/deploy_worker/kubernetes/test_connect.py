"""Credentials: where they come from, and that a token that is replaced is taken up."""

import json
from pathlib import Path

import pytest

from tests.clock import Clock
from tidegate.deploy_worker.kubernetes.connect import TOKEN_PERIOD_S, ConnectError, connect


def kubeconfig(folder: Path, user: dict[str, str]) -> Path:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return folder / "kubeconfig"


def token(client: object) -> str:
    return str(client.configuration.get_api_key_with_prefix("BearerToken"))  # type: ignore[attr-defined]


def test_a_token_file_is_read_again_when_it_was_replaced(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    clock = Clock()
    client = connect(kubeconfig(tmp_path, {"tokenFile": "token"}), clock)
    assert token(client).split() == ["Bearer", "first"]
    (tmp_path / "token").write_text("second\n")
    assert token(client).split() == ["Bearer", "first"], "not at every call"
    clock.now = TOKEN_PERIOD_S
    assert token(client).split() == ["Bearer", "second"]


def test_a_token_in_the_kubeconfig_is_used(tmp_path: Path) -> None:
    assert token(connect(kubeconfig(tmp_path, {"token": "abc"}))) == "Bearer abc"


def test_no_way_to_the_api_server_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConnectError, match="set TIDEGATE_KUBECONFIG"):
        connect(None)
    with pytest.raises(ConnectError, match="nowhere"):
        connect(tmp_path / "nowhere")
    (tmp_path / "kubeconfig").write_text("a: [")
    with pytest.raises(ConnectError, match="kubeconfig"):
        connect(tmp_path / "kubeconfig")
