"""What others do to the cluster, and what we do about it."""

from dataclasses import replace

from tests.core.scenarios.book import begin, scenario
from tests.simulation.lab import NAMESPACE
from tests.simulation.simulation import Simulation
from tidegate.core.drivers import driver_for
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate_local.played.api import CONFIG_MAP, DEPLOYMENT, HTTP_ROUTE, ISVC, POD


@scenario(Mode.STANDARD)
def somebody_edits_the_route(t: Simulation) -> None:
    begin(t, until=0)
    rules = t.lab.get(HTTP_ROUTE, "fraud")["spec"]["rules"]
    stolen = [
        {**rule, "backendRefs": [{**ref, "weight": 50} for ref in rule["backendRefs"]]}
        for rule in rules
    ]
    t.lab.objects.edit(HTTP_ROUTE, NAMESPACE, "fraud", {"spec": {"rules": stolen}}, "argocd")
    t.note("(somebody edits the route: 50 %)")
    t.until_over()


@scenario(Mode.STANDARD)
def somebody_deletes_the_route(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.delete(HTTP_ROUTE, NAMESPACE, "fraud")
    t.note("(somebody deletes the route)")
    t.until_over()


@scenario(Mode.STANDARD)
def somebody_deletes_the_candidate(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.delete(ISVC, NAMESPACE, "fraud-r2")
    t.note("(somebody deletes the InferenceService of r2)")
    t.until_over()


@scenario(Mode.STANDARD)
def somebody_deletes_stable(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.delete(ISVC, NAMESPACE, "fraud-r1")
    t.note("(somebody deletes the InferenceService of r1)")
    t.until_over()


@scenario(Mode.STANDARD)
def somebody_scales_stable(t: Simulation) -> None:
    t.deploy()
    t.lab.objects.edit(ISVC, NAMESPACE, "fraud-r1", {"spec": {"predictor": {"minReplicas": 3}}})
    t.note("(somebody sets minReplicas to 3)")
    t.run(60)


@scenario(Mode.KNATIVE)
def somebody_edits_the_percent(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.edit(
        ISVC, NAMESPACE, "fraud", {"spec": {"predictor": {"canaryTrafficPercent": 80}}}
    )
    t.note("(somebody sets canaryTrafficPercent to 80)")
    t.until_over()


@scenario(Mode.KNATIVE)
def somebody_drops_the_percent(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.edit(
        ISVC, NAMESPACE, "fraud", {"spec": {"predictor": {"canaryTrafficPercent": None}}}
    )
    t.note("(somebody drops canaryTrafficPercent: KServe promotes)")
    t.until_over()


@scenario(Mode.KNATIVE)
def somebody_annotates_the_service(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.edit(
        ISVC, NAMESPACE, "fraud", {"metadata": {"annotations": {"owner": "team-fraud"}}}
    )
    t.note("(somebody annotates the InferenceService: a new Knative revision)")
    t.until_over()


@scenario(Mode.KNATIVE)
def somebody_deletes_the_service(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.delete(ISVC, NAMESPACE, "fraud")
    t.note("(somebody deletes the InferenceService)")
    t.until_over()


@scenario(Mode.KNATIVE)
def somebody_deletes_the_note(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.objects.delete(CONFIG_MAP, NAMESPACE, "fraud-tidegate")
    t.note("(somebody deletes the ConfigMap)")
    t.until_over()


@scenario()
def somebody_deletes_every_pod(t: Simulation) -> None:
    begin(t, until=0)
    for pod in t.lab.names(POD):
        t.lab.objects.delete(POD, NAMESPACE, pod)
    t.note("(somebody deletes every pod)")
    t.until_over()


@scenario(Mode.STANDARD)
def an_object_of_somebody_else_has_our_name(t: Simulation) -> None:
    foreign = {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.kind}
    t.lab.objects.write(
        {
            **foreign,
            "metadata": {"name": "fraud", "namespace": NAMESPACE},
            "spec": {"parentRefs": [{"name": "other"}]},
        }
    )
    t.note("(somebody's HTTPRoute has the name already)")
    t.deploy()
    t.lab.objects.delete(HTTP_ROUTE, NAMESPACE, "fraud")
    t.note("(they remove it)")
    t.run(30)


@scenario(Mode.STANDARD)
def a_strangers_service_stops_nobody(t: Simulation) -> None:
    begin(t, until=0)
    meta = {"name": "fraud-r77", "namespace": NAMESPACE}
    model = {
        "modelFormat": {"name": "triton"},
        "protocolVersion": "v2",
        "storageUri": "s3://models/theirs/",
    }
    theirs = {"apiVersion": ISVC.api_version, "kind": ISVC.kind, "metadata": meta}
    t.lab.objects.write({**theirs, "spec": {"predictor": {"model": model}}})
    t.note("(somebody makes an InferenceService fraud-r77)")
    t.run(15)
    t.lab.objects.edit(
        ISVC,
        NAMESPACE,
        "fraud-r1",
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}},
    )
    t.note("(somebody's tool marks the InferenceService of r1 as its own)")
    t.run(15)
    t.action(ActionKind.ABORT)
    t.until_over()
    t.run(60)
    t.note(f"services: {', '.join(t.lab.names(ISVC))}")


@scenario()
def an_older_store_writes_nothing(t: Simulation) -> None:
    begin(t, until=0)
    kept = t.intents
    t.intents = t.intents[:1]
    t.note("(the database is restored from a backup: generation 1)")
    t.run(60)
    t.intents = kept
    t.note("(the right one is back)")
    t.until_over()


@scenario()
def another_store_writes_nothing(t: Simulation) -> None:
    t.deploy()
    other = replace(t.platform, store="00000000-0000-0000-0000-00000000000f")
    t.driver = driver_for(t.mode, other)
    t.platform = other
    t.note("(a second installation believes that it owns the endpoint)")
    t.run(30)
    t.person(candidate=t.revision())
    t.run(30)
    t.note(f"deployments: {', '.join(t.lab.names(DEPLOYMENT))}")


@scenario(Mode.KNATIVE)
def the_pointer_flips(t: Simulation) -> None:
    begin(t)
    t.until_over()
    t.run(120)
    t.start(t.rollouts[0][0].strategy, t.revision())
    while t.intent.candidate is None:
        t.one_pass()
        t.lab.settle(t.interval)
    # The gap: the Service's traffic changes while its new template is no Revision yet.
    for _ in range(8):
        t.one_pass()
        t.lab.step("kserve", "knative-service", "knative-route", "knative-service", "kserve")
    t.note("(KServe moved its pointer back in the gap between two controllers)")
    t.until_over()
