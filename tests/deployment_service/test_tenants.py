"""What a tenant may name: who says it, what is refused, who is told, and what the worker makes of a
list that was narrowed meanwhile."""

import pytest
import structlog

from tests.deployment_service.beside import Beside
from tidegate.core.adopting import Found, Survey
from tidegate.core.intent import Adopted, EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.store import ledger, tokens
from tidegate.store.installation import store_id
from tidegate.store.values import Principal

pytestmark = pytest.mark.real
TENANT = "/api/v1/tenants/team"
PATH = "/api/v1/endpoints/team/fraud"
KEY = EndpointKey("team", "fraud")
MAY = {
    "serviceAccounts": ["reader"],
    "secrets": ["team-a-*"],
    "uriPrefixes": ["s3://models/"],
    "runtimes": ["kserve-tritonserver"],
    "imageTags": ["24.*"],
    "nodeSelectors": ["pool=gold"],
    "tolerations": ["dedicated:NoSchedule"],
    "gpuTypes": ["nvidia.com/gpu"],
    "limits": {"cpu": "4", "gpu": 1, "replicas": 3},
}
BODY = {"name": "fraud", "namespace": "team", "model_id": "add_sub", "model_version_id": "1"}


@pytest.fixture
def api(make_api):
    """As a production installation begins."""
    made = make_api(tenant_default="narrow")
    made.worker()
    return made


def allow(api, **changes):
    return api.ok("PUT", TENANT, {"allowed": {**MAY, **changes}, "reason": "team-a begins"})


NOT_LISTED = (
    ({"serviceAccountName": "cluster-admin"}, "/runtime_config/serviceAccountName"),
    ({"storageSecret": "team-b-s3"}, "/runtime_config/storageSecret"),
    ({"security": {"secret": {"name": "team-b-token"}}}, "/runtime_config/security/secret/name"),
    ({"runtimeVersion": "23.05-py3"}, "/runtime_config/runtimeVersion"),
    ({"nodeSelector": {"pool": "silver"}}, "/runtime_config/nodeSelector/pool"),
    ({"tolerations": [{"operator": "Exists"}]}, "/runtime_config/tolerations/0"),
    ({"gpu": 1, "gpuType": "nvidia.com/mig-1g.10gb"}, "/runtime_config/gpuType"),
    ({"gpu": 2}, "/runtime_config/gpu"),
    ({"resources": {"cpu": "4500m"}}, "/runtime_config/resources/cpu"),
)


def test_what_is_not_on_the_list_is_refused_by_field(api):
    allow(api)
    api.models()
    for config, pointer in NOT_LISTED:
        answer = api.post("/api/v1/endpoints", {**BODY, "runtime_config": config})
        assert (answer.status_code, answer.json()["code"]) == (422, "not-allowed"), answer.text
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert api.get(PATH).status_code == 404


def test_what_is_on_the_list_is_accepted_and_rollouts_and_scaling_are_asked_too(api):
    allow(api)
    api.models()
    good = {
        "serviceAccountName": "reader",
        "storageSecret": "team-a-s3",
        "runtimeVersion": "24.08-py3",
        "nodeSelector": {"pool": "gold"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "gpu": 1,
    }
    api.ok("POST", "/api/v1/endpoints", {**BODY, "runtime_config": good})
    for call, path, body, pointer in (
        ("POST", f"{PATH}/rollouts", {"model_version_id": "2", "runtime": "other"}, "/runtime"),
        ("PATCH", PATH, {"autoscaling": {"maxReplicas": 4}}, "/autoscaling/maxReplicas"),
    ):
        answer = api.call(call, path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "not-allowed"), answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    entries = api.ok("GET", f"{PATH}/history")["ledger"]
    refused = [
        (entry["actor"], entry["body"]["fields"])
        for entry in entries
        if entry["action"] == "refused"
    ]
    assert refused == [("admin", ["/autoscaling/maxReplicas"]), ("admin", ["/runtime"])]


def test_before_anybody_wrote_a_list_nothing_is_lent_and_the_refusal_is_kept(api):
    assert api.ok("GET", TENANT)["default"] is True
    api.models()
    with structlog.testing.capture_logs() as logs:
        answer = api.post(
            "/api/v1/endpoints", {**BODY, "runtime_config": {"serviceAccountName": "deployer"}}
        )
    assert answer.status_code == 422
    assert (
        "'deployer' is no service account that tenant 'team' may name (it may name none)"
        in answer.text
    )
    assert [(log["principal"], log["endpoint"]) for log in logs if "refused" in log["event"]] == [
        ("admin", str(KEY))
    ]
    with api.store.read() as tx:
        newest = ledger.read(tx, store_id(tx), limit=1).items[0]
    assert (newest.actor, newest.action, newest.body["operation"]) == (
        "admin",
        "refused",
        "createEndpoint",
    )
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True


def test_a_list_is_written_whole_by_administrators_against_what_they_saw(api):
    first = allow(api)
    assert (first["generation"], first["default"], first["updated_by"]) == (1, False, "admin")
    assert first["allowed"] == {
        **MAY,
        "limits": {"cpu": "4", "memory": None, "gpu": 1, "replicas": 3},
    }
    seen = api.get(TENANT)
    assert seen.headers["etag"] == '"1"'
    assert api.get(TENANT, headers={"If-None-Match": '"1"'}).status_code == 304
    assert api.call("PUT", TENANT, {"allowed": MAY}, headers={"If-Match": '"0"'}).status_code == 412
    assert api.call("PUT", f"{TENANT}?dry_run=true", {"allowed": MAY}).json()["dry_run"] is True
    assert api.ok("GET", TENANT)["generation"] == 1
    with api.store.begin() as tx:
        theirs = tokens.create(tx, Principal("eve", ("admin",), "team"), author="test")
    answer = api.call(
        "PUT", TENANT, {"allowed": MAY}, headers={"Authorization": f"Bearer {theirs}"}
    )
    assert answer.status_code == 403
    assert api.ok("GET", TENANT)["generation"] == 1


def test_a_knative_service_is_not_adopted_with_rights_of_its_owner_that_the_tenant_may_not_name(
    api,
):
    predictor = {"serviceAccountName": "deployer", "model": {}}
    model = Model("fraud", "adopted", "s3://models/fraud", "unknown-u", mutable=True)
    adopted = Adopted("u", predictor)
    api.asker.seen = Survey(Found(Mode.KNATIVE, model, Runtime(), Scaling(1, 1), adopted))
    answer = api.post(f"{PATH}/adopt", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "not-allowed"), answer.text
    assert answer.json()["errors"][0]["pointer"] == "/spec/predictor/serviceAccountName"
    with api.store.read() as tx:
        newest = ledger.read(tx, store_id(tx), limit=1).items[0]
    assert (newest.action, newest.body["operation"]) == ("refused", "adoptEndpoint")
    allow(api, serviceAccounts=["deployer"])
    assert api.ok("POST", f"{PATH}/adopt", {})["stable"]["label"] == "r0"


WRONG = (
    {"uriPrefixes": ["s3://models/*"]},
    {"uriPrefixes": ["models"]},
    {"uriPrefixes": ["s3://a/../b/"]},
    {"serviceAccounts": ["a b"]},
    {"serviceAccounts": ["a*b"]},
    {"nodeSelectors": ["pool=gold=x"]},
    {"tolerations": ["dedicated=gpu:Never"]},
    {"limits": {"cpu": "much"}},
    {"runtimes": None},
    {"hostnames": ["*"]},
)


def test_a_list_that_could_mean_something_else_is_refused(api):
    for wrong in WRONG:
        answer = api.call("PUT", TENANT, {"allowed": {**MAY, **wrong}})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["pointer"].startswith(f"/allowed/{next(iter(wrong))}")
    assert api.ok("GET", TENANT)["default"] is True


class Cluster(Beside):
    """The worker beside the service, over the fake control plane."""

    def work(self, turns=8):
        """Reconciles and controllers; the endpoint afterwards."""
        for _ in range(turns):
            self.turn(KEY)
        return self.api.ok("GET", PATH)

    def percents(self):
        return {name: share for name, share in self.lab.shares("fraud").items() if share}


def test_a_list_narrowed_meanwhile_holds_what_goes_up_and_never_what_rolls_back(api):
    allow(api)
    api.models()
    lent = {"serviceAccountName": "reader"}
    api.ok("POST", "/api/v1/endpoints", {**BODY, "runtime_config": lent})
    allow(api, serviceAccounts=[])
    cluster = Cluster(api)
    held = cluster.work()  # accepted, but nothing of it was made yet
    assert held["phase"] == "blocked"
    assert (
        "blocked: r1 is not allowed here any more: 'reader' is no service account"
        in held["message"]
    )
    assert cluster.lab.objects.all("team") == ()

    allow(api)
    assert cluster.work()["phase"] == "ready"
    started = api.ok("PATCH", PATH, {"model_version_id": "2", "canary_percent": 20})
    cluster.work()
    assert cluster.percents() == {"r1": 80.0, "r2": 20.0}

    allow(api, serviceAccounts=[])
    answer = api.call("PATCH", PATH, {"canary_percent": 60})
    assert (answer.status_code, answer.json()["code"]) == (422, "not-allowed")
    api.ok("POST", f"/api/v1/rollouts/{started['rollout']['id']}/promote", {"reason": "now"})
    held = cluster.work()
    assert cluster.percents() == {"r1": 80.0, "r2": 20.0}
    assert held["rollout"]["pause"]["kind"] == "not-allowed"
    api.ok("PATCH", PATH, {"canary_percent": 5})
    cluster.work()
    assert cluster.percents() == {"r1": 95.0, "r2": 5.0}
    api.ok("POST", f"{PATH}/undo", {"reason": "back"})
    back = cluster.work()
    assert cluster.percents() == {"r1": 100.0}
    assert (back["phase"], back["stable"]["revision"]) == ("ready", 1)
