"""A template-service between a stand-in of KFP and a deployment-service that knows two tokens,
without a socket."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from tests.template_service.fake_kfp import FakeKfp
from tidegate.core.allowed import Allowed
from tidegate.deployment_service.tenancy import allowed_out
from tidegate.schemas.responses import TenantOut
from tidegate.template_service.app import create_app
from tidegate.template_service.settings import TemplateSettings

PEOPLE = {"anna": ["team-a"], "root": []}  # editor there; nowhere: admin everywhere
CANARY = {"endpoint": "demo-triton", "model_version": "2"}


def whoami(request: httpx2.Request) -> httpx2.Response:
    """The deployment-service: a token is its owner's name."""
    name = request.headers["authorization"].removeprefix("Bearer ")
    if name not in PEOPLE:
        return httpx2.Response(401, json={"title": "Unauthorized", "detail": "unknown"})
    held = "editor" if PEOPLE[name] else "admin"
    if request.url.path.startswith("/api/v1/auth/verify/"):
        namespace, role = request.url.path.split("/")[5:7]
        if not PEOPLE[name] or (namespace in PEOPLE[name] and role != "admin"):
            return httpx2.Response(200, json={"name": name, "groups": []})
        detail = f"this needs {role} in {namespace!r}, and {name!r} has no role there"
        return httpx2.Response(
            403, json={"title": "Forbidden", "detail": detail, "code": "forbidden"}
        )
    if request.url.path.startswith("/api/v1/tenants/"):
        namespace = request.url.path.split("/")[4]
        allowed = allowed_out(Allowed(service_accounts=(f"{namespace}-*",)))
        tenant = TenantOut(namespace=namespace, default=False, generation=1, allowed=allowed)
        return httpx2.Response(200, json=tenant.model_dump(mode="json"))
    grants = dict.fromkeys(PEOPLE[name] or ["*"], held)
    return httpx2.Response(
        200, json={"name": name, "roles": [held], "tenants": PEOPLE[name], "grants": grants}
    )


@dataclass
class Service:
    """The service as a caller sees it; `kfp` is what stands behind it."""

    client: TestClient
    kfp: FakeKfp

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = "root", **more: Any
    ) -> Any:
        headers = {
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **more.pop("headers", {}),
        }
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)

    def submit(self, *, token: str = "root", **body: Any) -> Any:
        return self.call(
            "POST", "/templates/rollout-canary/runs", {"parameters": CANARY, **body}, token=token
        )


Make = Callable[..., Service]


@pytest.fixture
def make() -> Make:
    def made(
        kfp: FakeKfp | None = None,
        *,
        tokens: Any = whoami,
        peer: str = "testclient",
        **settings: Any,
    ) -> Service:
        kfp = kfp or FakeKfp()
        chosen = {"url": "http://tidegate", "kfp_url": "http://kfp", "poll": 0.001, **settings}
        app = create_app(
            TemplateSettings(**chosen),
            kfp=kfp.transport,
            deployment_service=httpx2.MockTransport(tokens),
        )
        return Service(TestClient(app, client=(peer, 50000)), kfp)

    return made


@pytest.fixture
def service(make: Make) -> Service:
    return make()
