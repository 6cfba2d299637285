"""A real Envoy in front of somebody else's service asks Tidegate who may pass."""

import json
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest
import uvicorn

from tests.deployment_service.test_access import token
from tests.http_server import HttpServer, Reply
from tidegate.core.access import Role
from tidegate_local.home import free_port

pytestmark = pytest.mark.real


def echo(request):
    """The service behind: says who it was told is calling."""
    return Reply({"user": request.headers.get_all("x-tidegate-user"), "path": request.path})


def cluster(name, port):
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def config(port, tidegate, behind):
    base = "type.googleapis.com/envoy.extensions.filters"
    authz = {
        "@type": f"{base}.http.ext_authz.v3.ExtAuthz",
        "http_service": {
            "server_uri": {
                "uri": f"http://127.0.0.1:{tidegate}",
                "cluster": "tidegate",
                "timeout": "10s",
            },
            "path_prefix": "/api/v1/auth/verify/team-a/editor",
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"exact": "x-tidegate-user"}]}
            },
        },
    }
    filters = [
        {"name": "envoy.filters.http.ext_authz", "typed_config": authz},
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{base}.http.router.v3.Router"},
        },
    ]
    hosts = [
        {
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "behind"}}],
        }
    ]
    manager = {
        "@type": f"{base}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": filters,
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    listener = {"name": "front", "address": address, "filter_chains": [chain]}
    clusters = [cluster("tidegate", tidegate), cluster("behind", behind)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


@contextmanager
def service(app):
    """The app on a port of this machine."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([taken],))
    thread.start()
    try:
        yield taken.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def envoy(folder: Path, tidegate, behind):
    """Envoy's URL."""
    spec = find_spec("envoy")
    assert spec is not None
    assert spec.origin is not None
    port = free_port()
    file = folder / "envoy.json"
    file.write_text(json.dumps(config(port, tidegate, behind)))
    program = Path(spec.origin).parent / "_bin" / "envoy"
    command = [
        str(program),
        "-c",
        str(file),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < end
                threading.Event().wait(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_envoy_lets_editors_through_and_says_who_they_are(api, tmp_path):
    behind = HttpServer(echo)
    editor = token(api, Role.EDITOR, "team-a")
    viewer = token(api, Role.VIEWER, "team-a")
    with (
        service(api.client.app) as port,
        envoy(tmp_path, port, behind.port) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        made_up = {"X-Tidegate-User": "admin"}

        def call(secret, path="/some/path?role=viewer"):
            return client.post(
                path, json={"x": 1}, headers={"Authorization": f"Bearer {secret}", **made_up}
            )

        passed = call(editor)
        assert passed.json() == {"user": ["editor@team-a"], "path": "/some/path?role=viewer"}
        assert call(viewer).status_code == 403
        assert call(viewer, "/../viewer").status_code in (400, 403), (
            "a path does not lead to another question"
        )
        assert call("tg_made_up").status_code == 401
        assert client.post("/", json={}, headers=made_up).status_code == 401
    behind.close()
