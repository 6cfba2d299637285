"""What preflight asks of a real cluster, over a fake API: rights that are missing are told, never
assumed."""

from decimal import Decimal

import pytest

from tidegate.core.intent import EndpointKey, Mode, Protocol, Runtime, Toleration
from tidegate.core.ports import Snapshot, Unavailable
from tidegate.core.preflight import Level
from tidegate.deploy_worker.kubernetes import children
from tidegate.deploy_worker.kubernetes.api import Answer
from tidegate.deploy_worker.kubernetes.site import KubernetesSite
from tidegate.deploy_worker.preflight.places import Place, Taint
from tidegate.deploy_worker.preflight.site import Placed

KEY = EndpointKey("team", "fraud")
EMPTY = Snapshot(KEY, ())
QUOTAS = "/api/v1/namespaces/team/resourcequotas"
NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
RUNTIME = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/kserve-tritonserver"
CONTAINER = {
    "image": "nvcr.io/nvidia/tritonserver:23.05-py3",
    "args": ["tritonserver"],
    "resources": {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    },
}
NO = Answer(403, {"message": "may not"})


def isvc(scaler="none", mode="Standard", **model):
    annotations = {
        "serving.kserve.io/autoscalerClass": scaler,
        "serving.kserve.io/deploymentMode": mode,
    }
    state = {"labels": {"tidegate.dev/revision": "r1"}, "annotations": annotations}
    predictor = {"minReplicas": 2, "maxReplicas": 3, "model": {"args": ["--x"], **model}}
    metric = {
        "metric": {"backend": "prometheus", "serverAddress": "http://p", "query": "q"},
        "target": {"value": "5"},
    }
    predictor["autoScaling"] = {"metrics": [{"type": "External", "external": metric}]}
    return {
        "metadata": {"name": "fraud-r1", "namespace": "team", **state},
        "spec": {"predictor": predictor},
    }


class FakeApi:
    """Answers by path; creates are answered by kind, 201 where nothing is said."""

    def __init__(self, **creates):
        self.answers = {RUNTIME: Answer(200, {"spec": {"containers": [CONTAINER]}})}
        self.creates = creates
        self.sent = []

    def call(self, method, path, body=None, *, query=None, content_type="", timeout=5.0):
        if method == "POST":
            assert query["dryRun"] == "All"
            self.sent.append(body)
            return self.creates.get(body["kind"], Answer(201, {}))
        page = (query or {}).get("continue")
        return self.answers.get(
            (path, page) if page else path, Answer(404, {"message": "not found"})
        )


class Tenants:
    def denied(self, namespace):
        return None


def site(api, **more):
    return KubernetesSite(api, Tenants(), lambda *_: (), **{"grows": False, **more})


def test_quotas_and_nodes_become_capacity_and_drained_nodes_do_not():
    api = FakeApi()
    status = {"hard": {"requests.cpu": "4"}, "used": {"requests.cpu": "500m"}}
    whole = {"metadata": {"name": "q"}, "spec": {"hard": {}}, "status": status}
    some = {"metadata": {"name": "best"}, "spec": {"scopes": ["BestEffort"]}}
    api.answers[QUOTAS] = Answer(200, {"items": [whole, some]})
    nodes = [{"metadata": {"name": "a"}, "status": {"allocatable": {"cpu": "8"}}}]
    nodes.append({"metadata": {"name": "b"}, "spec": {"unschedulable": True}, "status": {}})
    api.answers[NODES] = Answer(200, {"items": nodes})
    right = 'pods is forbidden: User "w" cannot list resource "pods" in API group "" at the cluster scope'
    api.answers[PODS] = Answer(403, {"message": right})
    budget = site(api).budget(EMPTY)
    (quota,) = budget.quotas
    assert (quota.hard["requests.cpu"], quota.used["requests.cpu"]) == (4, Decimal("0.5"))
    assert [(node.name, node.offers, node.taints) for node in budget.nodes] == [
        ("a", {"cpu": Decimal(8)}, ()),
        ("b", {}, (Taint("node.kubernetes.io/unschedulable"),)),
    ]
    assert any("'best' counts only some pods" in message for message in budget.unread)
    (message,) = [text for text in budget.unread if "what other pods take" in text]
    assert "bind ClusterRole tidegate-capacity" in message
    assert budget.others is None
    assert not any("other pods" in text for text in site(api, grows=True).budget(EMPTY).unread)


def on_node(node, uid, phase="Running", **labels):
    spec = {"nodeName": node, "containers": [{"resources": {"limits": {"nvidia.com/gpu": "2"}}}]}
    metadata = {"name": uid, "uid": uid, "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": phase}}


def test_what_pods_take_is_read_page_by_page_and_our_own_are_told_apart():
    mine = on_node("a", "mine", **{"tidegate.dev/revision": "r1"})
    api = FakeApi()
    api.answers[NODES] = Answer(200, {"items": [{"metadata": {"name": "a"}}]})
    api.answers[QUOTAS] = Answer(200, {})
    api.answers[PODS] = Answer(
        200, {"items": [mine, on_node("a", "x")], "metadata": {"continue": "2"}}
    )
    api.answers[PODS, "2"] = Answer(
        200, {"items": [on_node("a", "y"), on_node("a", "gone", "Failed")]}
    )
    budget = site(api).budget(Snapshot(KEY, (mine,)))
    assert budget.others == {"a": {"nvidia.com/gpu": Decimal(4)}}
    assert budget.own == (Placed(1, "a", {"nvidia.com/gpu": Decimal(2)}),)
    assert budget.unread == ()
    (slow,) = site(api, clock=iter(range(0, 99, 5)).__next__).budget(Snapshot(KEY, (mine,))).unread
    assert slow.endswith("only what the nodes offer was compared: reading them took too long")


def test_what_may_not_be_read_is_told():
    api = FakeApi()
    api.answers = {QUOTAS: NO, NODES: Unavailable("away")}
    budget = site(api).budget(EMPTY)
    assert budget.unread == ("quotas could not be read: may not", "nodes could not be read: away")
    made = site(api).made_of(isvc(), Runtime(), EMPTY)
    assert made.pod is None
    assert "runtime kserve-tritonserver could not be read" in made.findings[0].detail


@pytest.mark.parametrize(
    ("scaler", "kinds"),
    [
        ("none", ["Deployment", "Pod"]),
        ("hpa", ["Deployment", "Pod", "HorizontalPodAutoscaler"]),
        ("keda", ["Deployment", "Pod", "ScaledObject"]),
    ],
)
def test_what_kserve_would_make_goes_through_admission(scaler, kinds):
    api = FakeApi()
    made = site(api).made_of(isvc(scaler), Runtime(), EMPTY)
    assert (made.findings, made.checked) == ((), len(kinds))
    assert [item["kind"] for item in api.sent] == kinds
    assert api.sent[0]["metadata"]["name"] == "fraud-r1-predictor"
    assert made.pod.asks["requests.cpu"] == 1


def test_a_missing_right_is_not_checked_and_a_policy_s_no_is_a_problem():
    right = Answer(
        403, {"message": 'User "x" cannot create resource "deployments" in API group "apps"'}
    )
    policy = Answer(403, {"message": "ValidatingAdmissionPolicy 'p' denied request: no"})
    (finding,) = site(FakeApi(Deployment=right)).made_of(isvc(), Runtime(), EMPTY).findings
    assert (finding.level, finding.object) == (Level.UNCHECKED, "Deployment")
    assert "bind ClusterRole tidegate-preflight" in finding.detail
    (finding,) = site(FakeApi(Deployment=policy)).made_of(isvc(), Runtime(), EMPTY).findings
    assert (finding.level, finding.object) == (Level.PROBLEM, "Deployment team/fraud-r1-predictor")


def test_in_knative_mode_the_service_is_said_to_be_unchecked():
    (finding,) = site(FakeApi()).made_of(isvc(mode="Knative"), Runtime(), EMPTY).findings
    assert finding.level is Level.UNCHECKED
    plain = isvc()
    plain["metadata"]["annotations"]["example.com/team"] = "Knative fans"
    assert site(FakeApi()).made_of(plain, Runtime(), EMPTY).findings == ()


def test_a_revision_that_runs_is_read_and_not_rendered():
    template = {"spec": {"containers": [{"resources": {"requests": {"cpu": "3"}}}]}}
    live = {
        "kind": "Deployment",
        "metadata": {"name": "fraud-r1-predictor"},
        "spec": {"template": template},
    }
    api = FakeApi()
    made = site(api).made_of(isvc(), Runtime(), Snapshot(KEY, (live,)))
    assert (made.pod.asks["requests.cpu"], api.sent) == (3, [])


def test_where_a_pod_may_be_placed_is_what_admission_leaves_of_it():
    """A plugin may tolerate the taint that is named after a GPU; without a dry run nobody knows."""
    api = FakeApi()
    spec = {
        "containers": [CONTAINER],
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"operator": "Exists"}],
    }
    api.answers[RUNTIME] = Answer(200, {"spec": spec})
    bare = site(api).made_of(isvc(), Runtime(), EMPTY).pod.place
    assert bare == Place({"pool": "gpu"}, (Toleration(operator="Exists"),), admitted=False)
    required = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}
        }
    }
    left = {
        "containers": [CONTAINER],
        "tolerations": [{"key": "nvidia.com/gpu"}],
        "affinity": required,
    }
    api.creates["Pod"] = Answer(201, {"spec": left})
    assert site(api).made_of(isvc(), Runtime(), EMPTY).pod.place == Place(
        {}, (Toleration("nvidia.com/gpu"),), True
    )
    live = {
        "kind": "Pod",
        "metadata": {"labels": {"tidegate.dev/revision": "r1"}},
        "spec": {"nodeSelector": {"a": "b"}},
    }
    assert site(api).made_of(isvc(), Runtime(), Snapshot(KEY, (live,))).pod.place == Place(
        {"a": "b"}
    )


def test_the_predictor_s_selector_lies_over_the_runtime_s_and_its_tolerations_replace_them():
    runtime = {
        "containers": [CONTAINER],
        "nodeSelector": {"a": "1", "b": "1"},
        "tolerations": [{"key": "x"}],
    }
    service = isvc()
    service["spec"]["predictor"] |= {"nodeSelector": {"b": "2"}, "tolerations": [{"key": "y"}]}
    pod = children.pod(service, {"spec": runtime})
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"a": "1", "b": "2"}, [{"key": "y"}])


def test_the_model_s_fields_lie_over_the_runtime_s():
    model = {"resources": {"requests": {"nvidia.com/gpu": "1"}}, "runtimeVersion": "24.08-py3"}
    (container,) = children.pod(isvc(**model), {"spec": {"containers": [CONTAINER]}})["containers"]
    assert container["image"] == "nvcr.io/nvidia/tritonserver:24.08-py3"
    assert container["args"] == ["tritonserver", "--x"]
    assert container["resources"]["requests"] == {
        "cpu": "1",
        "memory": "2Gi",
        "nvidia.com/gpu": "1",
    }


def test_grpc_on_a_source_that_counts_no_grpc_status_is_said_before_a_rollout():
    from tidegate.deploy_worker.meter import NoMeter, evidence_of
    from tidegate.deploy_worker.settings import WorkerSettings

    (message,) = evidence_of(WorkerSettings(), NoMeter())(
        KEY, Mode.STANDARD, Runtime(protocol=Protocol.GRPC_V2)
    )
    assert message.startswith("no metric source")
