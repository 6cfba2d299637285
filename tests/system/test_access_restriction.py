"""Triton's restricted calls on the real server: refused without the token, answered with it,
inference open to all, a new token by a rollout under load, and the token nowhere but in its
Secret."""

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.system.load import Load
from tests.system.real import EXAMPLES, NAMESPACE, RealEndpoint, RealPlane
from tests.waiting import until
from tidegate.cli.tree import run
from tidegate.cli.world import World
from tidegate.core.triton.restriction import GRPC_HEADER, HTTP_HEADER

pytestmark = pytest.mark.real
OLD = "planted-old=1,:"
NEW = "planted-new=2,:"


def put_secret(plane: RealPlane, name: str, value: str) -> None:
    out = io.StringIO()
    world = World(
        os.environ | {"TIDEGATE_HOME": str(plane.home)}, io.StringIO(f"{value}\n"), out, out
    )
    assert run(["dev", "secret", name], world) == 0, out.getvalue()
    assert value not in out.getvalue()


def example(file: str, **changed: Any) -> dict[str, Any]:
    """A body of examples/, as a person would send it here."""
    content: dict[str, Any] = json.loads((EXAMPLES.parent / "endpoints" / file).read_text())
    return content | changed


def over_http(address: str, token: str = "") -> list[int]:
    """The statistics, the list of models, and one inference."""
    headers = {}
    if token:
        headers = {HTTP_HEADER: token}
    base = f"http://{address}/v2"
    tensor = {"shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    body = {"inputs": [{"name": "INPUT0", **tensor}, {"name": "INPUT1", **tensor}]}
    responses = [
        httpx2.get(f"{base}/models/add_sub/stats", headers=headers),
        httpx2.post(f"{base}/repository/index", json={}, headers=headers),
        httpx2.post(f"{base}/models/add_sub/infer", json=body, headers=headers),
    ]
    return [answer.status_code for answer in responses]


def over_grpc(address: str, token: str = "") -> str:
    """How a call for the list of models ends."""
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        metadata = []
        if token:
            metadata = [(GRPC_HEADER, token)]
        try:
            stub.RepositoryIndex(
                service_pb2.RepositoryIndexRequest(), metadata=metadata, timeout=30
            )
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "OK"


def with_the_word(folder: Path, *words: str) -> set[str]:
    """Files that hold one of these, as it is or as a Secret holds it."""
    messages = [form for word in words for form in (word.encode(), base64.b64encode(word.encode()))]
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.name for file in files if any(word in file.read_bytes() for word in messages)}


def serve_restricted(plane: RealPlane, name: str) -> RealEndpoint:
    """It waits for its Secret, and says so."""
    plane.post("/endpoints", **example("restricted.json", name=name, namespace=NAMESPACE))
    endpoint = RealEndpoint(plane, name)
    until(
        lambda: 'secret "triton-token-1" not found' in str(endpoint.show()),
        "the Secret is missed",
        instead=endpoint.show,
    )
    put_secret(plane, "triton-token-1", OLD)
    endpoint.wait_ready()
    return endpoint


def test_a_token_guards_what_no_client_needs_and_changes_without_a_lost_inference(
    plane: RealPlane,
) -> None:
    endpoint = serve_restricted(plane, "restricted")
    address = endpoint.address
    assert over_http(address) == [403, 403, 200] == over_http(address, "guessed")
    assert over_http(address, OLD) == [200, 200, 200]
    assert over_grpc(address).startswith(
        "UNAVAILABLE: This protocol is restricted, expecting header"
    )
    assert over_grpc(address, OLD) == "OK"
    put_secret(plane, "triton-token-2", NEW)
    with Load(address) as load:
        load.wait_for("r1")
        rollout = endpoint.start("1", **example("rotate-token.json", steps=[50], bake_seconds=1.0))
        assert rollout.over()["outcome"] == "promoted"
        endpoint.wait_ready()
        load.wait_for("r2")
    assert load.scenario == []
    assert (over_http(address, NEW), over_http(address, OLD)) == ([200, 200, 200], [403, 403, 200])
    assert (over_grpc(address, NEW), over_grpc(address, OLD)[:11]) == ("OK", "UNAVAILABLE")
    message = "".join(
        plane.ask("GET", f"{endpoint.path}{more}").text for more in ("", "/revisions", "/history")
    )
    assert "planted" not in message
    assert with_the_word(plane.home, OLD, NEW) == {"objects.json"}, (
        "where the Secrets themselves are"
    )
    endpoint.delete()
