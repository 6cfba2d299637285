"""Who may do what: a token of Tidegate, or a user whom a trusted proxy has authenticated; nobody
else."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator

from tests.template_service.conftest import CANARY, Make, Service, whoami
from tests.template_service.fake_kfp import FakeKfp
from tidegate.template_service.access import NEEDS
from tidegate.web.access import Where

ANNA = {"kubeflow-userid": "anna@example.com"}


@pytest.fixture
def kfp() -> FakeKfp:
    """Several users: anna in team-a, the service's own account in both."""
    users = {"anna@example.com": {"team-a"}, "tidegate": {"team-a", "team-b"}}
    return FakeKfp(multi_user=True, users=users, tokens={"projected": "tidegate"})


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("projected\n")
    return file


def as_anna(service: Service, namespace: str = "team-a") -> httpx2.Response:
    body = {"parameters": CANARY, "namespace": namespace}
    answer: httpx2.Response = service.call(
        "POST", "/templates/rollout-canary/runs", body, token=None, headers=ANNA
    )
    return answer


@pytest.mark.parametrize(
    "path", ["/templates", "/templates/rollout-canary", "/runs", "/runs/x", "/runs/x/events"]
)
def test_every_path_needs_an_identity(service: Service, path: str) -> None:
    assert service.call("GET", path, token=None).status_code == 401
    assert service.call("GET", path, token="stranger").status_code == 401
    odd = {"Authorization": "Bearer ümlaut".encode()}
    assert service.call("GET", path, token=None, headers=odd).status_code == 401


def test_a_token_is_asked_of_the_deployment_service(service: Service) -> None:
    assert service.call("GET", "/templates", token="anna").status_code == 200


def test_the_deployment_service_says_what_is_asked_of_it() -> None:
    """What `whoami` answers here is what the other service's document promises."""
    document = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
    promised = document["components"]["schemas"]["WhoAmI"]
    body = whoami(
        httpx2.Request("GET", "http://tidegate", headers={"authorization": "Bearer anna"})
    ).json()
    Draft202012Validator({**promised, "components": document["components"]}).validate(body)
    assert set(body) == set(promised["required"])


def test_nobody_to_ask_is_no_yes(make: Make) -> None:
    def away(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    answer = make(tokens=away).call("GET", "/templates")
    assert (answer.status_code, answer.json()["code"]) == (503, "deployment-service-unavailable")
    broken = make(tokens=lambda _: httpx2.Response(500, text="oops")).call("GET", "/templates")
    assert broken.status_code == 503
    assert make(url="").call("GET", "/templates").json()["code"] == "no-deployment-service"


def test_a_token_runs_in_its_tenants_only(make: Make, kfp: FakeKfp, token_file: Path) -> None:
    service = make(kfp, kfp_token_file=token_file)
    assert service.submit(token="anna", namespace="team-a").status_code == 201
    refused = service.submit(token="anna", namespace="team-b")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "this needs editor in 'team-b', and 'anna' has no role there" in refused.json()["detail"]
    assert service.submit(token="anna").status_code == 422, (
        "without a namespace it would be anybody's"
    )
    assert service.call("GET", "/runs?namespace=team-b", token="anna").status_code == 403
    assert service.call("POST", "/uploads", {}, token="anna").status_code == 403, (
        "shared pipelines are not a tenant's"
    )
    assert (
        service.call("POST", "/uploads", {"namespace": "team-a"}, token="anna").status_code == 200
    )


def test_a_run_of_another_tenant_is_not_shown(make: Make, kfp: FakeKfp, token_file: Path) -> None:
    service = make(kfp, kfp_token_file=token_file)
    run_id = service.submit(namespace="team-b").json()["run_id"]
    assert service.call("GET", f"/runs/{run_id}", token="root").status_code == 200
    assert service.call("GET", f"/runs/{run_id}", token="anna").status_code == 403
    assert service.call("GET", f"/runs/{run_id}/events", token="anna").status_code == 403


def test_a_tenant_of_a_kfp_of_one_user_is_no_place_in_it(service: Service) -> None:
    """It drops the namespace: what is there is everybody's, whatever a caller names."""
    assert service.submit(token="anna", namespace="team-a").status_code == 403
    assert service.call("GET", "/runs?namespace=team-a", token="anna").status_code == 403
    assert (
        service.call("POST", "/uploads", {"namespace": "team-a"}, token="anna").status_code == 403
    )
    assert service.kfp.runs == service.kfp.experiments == service.kfp.pipelines == []


def test_a_token_chooses_neither_program_nor_address_nor_a_foreign_account(
    make: Make, kfp: FakeKfp, token_file: Path
) -> None:
    """Each task holds the token of its namespace, and KFP is asked with the service's own
    rights."""
    service = make(kfp, kfp_token_file=token_file)
    image, url = "registry.example.com/mine:1", "https://mine.example.com"
    foreign: dict[str, Any] = {
        "image": image,
        "parameters": {**CANARY, "service_url": url},
        "service_account": "default-editor",
    }
    refused = service.submit(token="anna", namespace="team-a", **foreign)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), refused.text
    state = {
        error["pointer"]: f"{error['detail']}; {error['remediation']['text']}"
        for error in refused.json()["errors"]
    }
    assert list(state) == ["image", "service_url", "service_account"]
    assert f"'{image}' may not be chosen" in state["image"]
    assert (
        "is 'http://tidegate', the installation's (TIDEGATE_URL); leave it out"
        in state["service_url"]
    )
    assert "it may name team-a-*" in state["service_account"]
    assert (
        service.call(
            "POST", "/uploads", {"namespace": "team-a", "image": image}, token="anna"
        ).status_code
        == 403
    )
    assert kfp.runs == kfp.pipelines == []

    values = {
        "image": "tidegate/tidegate:0.1.0",
        "parameters": {**CANARY, "service_url": "http://tidegate"},
    }
    made = service.submit(token="anna", namespace="team-a", service_account="team-a-runs", **values)
    assert made.status_code == 201, made.text
    assert service.submit(namespace="team-a", **foreign).status_code == 201, (
        "an administrator of every namespace"
    )
    body = {key: foreign[key] for key in ("image", "parameters")}
    assert (
        service.call("POST", "/templates/rollout-canary/render", body, token="anna").status_code
        == 200
    )


def test_a_role_everywhere_has_its_second_opinion_too(make: Make) -> None:
    """A Kubernetes identity with a grant for `*` needs the cluster's yes as well, which only the
    check asks for."""
    doubted = False

    def answer(request: httpx2.Request) -> httpx2.Response:
        if doubted and request.url.path.startswith("/api/v1/auth/verify/"):
            return httpx2.Response(
                403, json={"title": "Forbidden", "detail": "no get there", "code": "forbidden"}
            )
        return whoami(request)

    service = make(tokens=answer, stream_limit=0.01)
    run_id = service.submit().json()["run_id"]
    doubted = True
    assert service.call("GET", f"/runs/{run_id}").status_code == 403
    assert service.call("GET", f"/runs/{run_id}/events").status_code == 403


def test_a_stream_ends_where_its_reader_may_no_longer_see_the_run(make: Make) -> None:
    answers = iter(["yes", "away", "yes", "no"])

    def answer(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/viewer"):
            return whoami(request)
        match next(answers):
            case "away":
                raise httpx2.ConnectError("connection refused")
            case "no":
                return httpx2.Response(
                    403, json={"title": "Forbidden", "detail": "no more", "code": "forbidden"}
                )
        return whoami(request)

    service = make(tokens=answer, stream_limit=20)
    run_id = service.submit().json()["run_id"]
    message = service.call("GET", f"/runs/{run_id}/events")
    assert message.text.count("event: run") == 1
    assert next(answers, None) is None, "one that does not answer is asked again"


def test_a_kfp_of_several_users_needs_a_namespace(
    make: Make, kfp: FakeKfp, token_file: Path
) -> None:
    answer = make(kfp, kfp_token_file=token_file).submit()
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["namespace"]
    assert kfp.runs == kfp.experiments == []


def test_a_kfp_of_one_user_hears_of_no_namespace(service: Service) -> None:
    assert service.submit(namespace="team-a").status_code == 201
    assert "namespace" not in service.kfp.experiments[0]


def test_a_user_of_a_trusted_proxy_is_asked_for_in_that_name(make: Make, kfp: FakeKfp) -> None:
    service = make(kfp, peer="10.1.2.3", trusted_proxies="10.1.0.0/16")
    made = as_anna(service)
    assert made.status_code == 201, made.text
    assert made.json()["author"] == "anna@example.com"
    refused = as_anna(service, "team-b")
    assert (refused.status_code, refused.json()["code"]) == (403, "kfp-forbidden")
    assert "namespace=team-b" in refused.json()["detail"], "KFP decides, and says why"


@pytest.mark.parametrize(
    ("peer", "proxies"),
    [("10.9.9.9", "10.1.0.0/16"), ("10.1.2.3", ""), ("nonsense", "10.1.0.0/16")],
)
def test_the_header_from_anywhere_else_is_refused(
    make: Make, kfp: FakeKfp, peer: str, proxies: str
) -> None:
    answer = as_anna(make(kfp, peer=peer, trusted_proxies=proxies))
    assert (answer.status_code, answer.json()["code"]) == (403, "untrusted-proxy")
    assert kfp.seen == []


def test_a_forwarded_address_does_not_make_a_proxy(make: Make, kfp: FakeKfp) -> None:
    service = make(kfp, peer="10.9.9.9", trusted_proxies="10.1.0.0/16")
    answer = service.call(
        "GET", "/templates", token=None, headers={**ANNA, "X-Forwarded-For": "10.1.2.3"}
    )
    assert answer.status_code == 403


def test_two_identities_are_none(make: Make, kfp: FakeKfp) -> None:
    service = make(kfp, peer="10.1.2.3", trusted_proxies="10.1.0.0/16")
    headers = [("kubeflow-userid", "anna@example.com"), ("kubeflow-userid", "root@example.com")]
    assert service.client.get("/api/v1/templates", headers=headers).status_code == 400
    assert (
        service.call("GET", "/templates", token=None, headers={"kubeflow-userid": " "}).status_code
        == 400
    )


def test_a_token_for_kfp_is_read_at_each_call(make: Make, kfp: FakeKfp, token_file: Path) -> None:
    service = make(kfp, kfp_token_file=token_file)
    token_file.write_text("stale")
    refused = service.submit(namespace="team-a")
    assert (refused.status_code, refused.json()["code"]) == (502, "kfp-unauthorized")
    token_file.write_text("projected")
    assert service.submit(namespace="team-a").status_code == 201
    token_file.unlink()
    assert service.submit(namespace="team-a").json()["code"] == "no-kfp-token"


def test_every_route_stands_in_the_table_and_a_caller_without_a_role_runs_and_sees_nothing(
    make: Make,
) -> None:
    requests: list[str] = []

    def nobody(request: httpx2.Request) -> httpx2.Response:
        requests.append(request.url.path)
        if request.url.path.endswith("/whoami"):
            return httpx2.Response(
                200, json={"name": "eve", "roles": [], "tenants": [], "grants": {}}
            )
        return httpx2.Response(
            403, json={"title": "Forbidden", "detail": "eve has no role", "code": "forbidden"}
        )

    service = make(tokens=nobody)
    seen = set()
    for route in iter_route_contexts(service.client.app.routes):  # type: ignore[attr-defined]
        operation = getattr(route, "operation_id", None) or str(route.name)
        seen.add(operation)
        for method in (route.methods or set()) - {"HEAD"}:
            path = str(route.path).replace("{name}", "rollout-canary").replace("{run_id}", "x")
            answer = service.client.request(
                method, path, json={}, headers={"Authorization": "Bearer eve"}
            )
            assert (answer.status_code == 403) == (NEEDS[operation].where is Where.CHOSEN), (
                path,
                answer.text,
            )
    assert seen == set(NEEDS)
    assert "/api/v1/auth/verify/*/editor" in requests, "so the refusal is recorded there"
