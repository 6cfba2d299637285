"""Answers about endpoints."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.conditions import Code
from tidegate.core.drivers.pod_template import Starts
from tidegate.core.intent import Mode
from tidegate.core.status import EndpointPhase
from tidegate.schemas.responses.base import AcceptedOut, ChangeOut, PreflightOut
from tidegate.schemas.responses.rollouts import RolloutOut
from tidegate.schemas.responses.runtime import SpecRuntime
from tidegate.schemas.responses.traffic import AutoscalingOut, BothTraffics, RevisionOut, TrafficOut
from tidegate.schemas.responses.watching import WatchOut

Scalar = str | int | float | bool | None


class ConditionOut(BaseModel):
    """Something that holds about the endpoint. Programs read `code` and `params`, people
    `message`."""

    code: Code = Field(description="What holds", examples=["stable-starting"])
    message: str = Field(
        description="One sentence for people", examples=["r1 has 0 of 1 replicas ready"]
    )
    params: dict[str, Scalar] = Field(
        default={},
        description="The values in the sentence, by name",
        examples=[{"revision": 1, "ready": 0}],
    )


class ContainerOut(BaseModel):
    """A container that was restarted, or killed for memory."""

    id: str = Field(
        description="UID of its pod, then its name", examples=["1f0c…/kserve-container"]
    )
    restarts: int = Field(description="Restarts since the pod began", examples=[2])
    killed: str = Field(description="The newest kill for memory; empty: none", examples=[""])


class LiveOut(BaseModel):
    """A revision as the cluster runs it."""

    revision: int = Field(description="Number of the revision", examples=[1])
    desired_replicas: int = Field(description="Replicas that it should have now", examples=[2])
    ready_replicas: int = Field(description="Replicas that are ready", examples=[2])
    restarts: int = Field(
        description="Restarts of the model's own containers, over its present pods", examples=[0]
    )
    failure: str | None = Field(
        description="Why it does not get ready, in the cluster's words; null: nothing is wrong",
        examples=["ImagePullBackOff: triton:nope"],
    )
    youngest_ready_at: datetime | None = Field(
        description="When its youngest ready pod started; null: no pod is ready",
        examples=["2026-01-01T12:00:00Z"],
    )
    idle: bool = Field(
        description="Scaled to zero; the next request starts a pod", examples=[False]
    )
    address: str | None = Field(
        description="URL where this revision alone answers; null: none yet",
        examples=["http://fraud-r2-predictor.team-a"],
    )
    containers: list[ContainerOut] = Field(
        description="The model's own containers that were restarted or killed for memory"
    )
    beside: list[str] = Field(
        default=[],
        description="Restarts of containers beside the model's, which fail nobody",
        examples=[["istio-proxy: 4 restarts"]],
    )
    log: list[str] = Field(
        default=[],
        description="The last lines of the failing container's log; empty: there is none, or it "
        "may not be read",
        examples=[["loading model", "CUDA error: out of memory"]],
    )
    warming_up: bool = Field(
        description="Has ready pods that are not warmed up yet", examples=[False]
    )


class DriftOut(BaseModel):
    """A field of an object of ours that somebody else changed. Values that may be secret are
    hidden."""

    object: str = Field(description="Kind and name", examples=["HTTPRoute fraud"])
    field: str = Field(
        description="Path of the field", examples=["spec.rules[0].backendRefs[1].weight"]
    )
    observed: str = Field(description="What it was", examples=["50"])
    desired: str = Field(description="What Tidegate writes", examples=["10"])
    manager: str = Field(
        description="Field manager that wrote it, a name that its client chose; empty: nobody is "
        "recorded, as after a removal",
        examples=["kubectl-edit"],
    )
    written_at: datetime | None = Field(
        description="When; null: not recorded", examples=["2026-01-01T12:00:00Z"]
    )
    starts: Starts = Field(description="What a change of it starts", examples=["nothing"])
    seen_at: datetime = Field(
        description="When the worker first saw it so, or saw that it was put back",
        examples=["2026-01-01T12:00:05Z"],
    )
    put_back: bool = Field(description="Whether it is as desired again", examples=[True])
    message: str = Field(
        description="One line for people",
        examples=["HTTPRoute fraud: spec.rules[0].backendRefs[1].weight is 50, desired 10"],
    )


class RefusedOut(BaseModel):
    """A write that the cluster refused, or changed back."""

    generation: int = Field(
        description="Generation of the intent that it was written for", examples=[4]
    )
    message: str = Field(
        description="What the cluster said; empty: it took the write, and changed it back",
        examples=["admission webhook denied the request"],
    )
    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])


class StatusOut(BaseModel):
    """What the worker's last reconcile of the endpoint said."""

    phase: EndpointPhase = Field(
        description="The endpoint in one word, as the worker saw it", examples=["ready"]
    )
    message: str = Field(description="One line about it", examples=["r1 100 %"])
    generation: int | None = Field(
        description="Generation that the cluster's objects carry; null: none", examples=[4]
    )
    conditions: list[ConditionOut] = Field(description="What holds now, in order of importance")
    live: list[LiveOut] = Field(description="Revisions that have objects in the cluster")
    traffic: TrafficOut | None = Field(description="What the route says; null: there is none")
    settled: bool = Field(description="Whether the gateway has accepted the route", examples=[True])
    drift: list[DriftOut] = Field(
        description="Fields of our objects that somebody else changed, now or in the last ten "
        "minutes"
    )
    urls: list[str] = Field(
        description="Where clients call the endpoint", examples=[["http://fraud.team-a"]]
    )
    requests_per_second: float | None = Field(
        description="Requests per second of all revisions over a decaying window, during rollouts "
        "or not; 0: none came; null: not measured",
        examples=[99.5],
    )
    error_rate: float | None = Field(
        default=None,
        description="Stable's share of bad answers, 0 to 1, over about a day; null: too few were "
        "counted",
        examples=[0.004],
    )
    refusals: list[RefusedOut] = Field(
        description="Writes that the cluster refused; they are tried again"
    )


class SpecAutoscaling(BaseModel):
    """Replica bounds as they were sent."""

    minReplicas: int | None = Field(
        default=None, description="Least replicas; null: left out", examples=[1]
    )
    maxReplicas: int | None = Field(
        default=None, description="Most replicas; null: left out", examples=[4]
    )
    keda: bool | None = Field(
        default=None, description="Whether KEDA scales; null: left out", examples=[False]
    )


class SpecOut(BaseModel):
    """The payload as accepted, with the replica bounds that were sent later; `stable` says what
    serves."""

    name: str = Field(description="Name within the namespace", examples=["fraud"])
    namespace: str | None = Field(
        default=None, description="Namespace; null: left out", examples=["team-a"]
    )
    model_id: str | None = Field(default=None, description="Model of stable", examples=["add_sub"])
    model_version_id: str | None = Field(
        default=None, description="Version of stable", examples=["1"]
    )
    mode: Mode | None = Field(
        default=None, description="Deployment mode; null: left out", examples=["standard"]
    )
    runtime: str | None = Field(
        default=None,
        description="Runtime as it was named; null: left out",
        examples=["kserve-triton"],
    )
    autoscaling: SpecAutoscaling | None = Field(
        default=None, description="Replica bounds; null: left out"
    )
    runtime_config: SpecRuntime | None = Field(
        default=None, description="How the runtime runs the first revision; null: left out"
    )
    run_id: str | None = Field(
        default=None,
        description="Id of the pipeline run that made the endpoint; null: no pipeline did",
        examples=["5f0c1b9e-5d0f-4f0e-9a53-0b7b4c1f2d3a"],
    )
    reason: str = Field(
        default="", description="Why the endpoint was made", examples=["first version"]
    )
    adopted: bool = Field(
        default=False,
        description="Whether it began with somebody's own InferenceService",
        examples=[False],
    )


class EndpointOut(BaseModel):
    """An endpoint: what should serve, what does, who decided it, since when and why."""

    namespace: str = Field(description="Namespace (the tenant)", examples=["team-a"])
    name: str = Field(description="Name within the namespace", examples=["fraud"])
    mode: Mode = Field(description="KServe's deployment mode", examples=["standard"])
    generation: int = Field(description="Rises with each intent; the ETag", examples=[4])
    phase: EndpointPhase = Field(description="The endpoint in one word", examples=["ready"])
    message: str = Field(
        default="", description="The worker's one line about it", examples=["r1 100 %"]
    )
    canary_percent: int | None = Field(
        default=None,
        description="Percent that the candidate should get; null: there is no candidate",
        examples=[25],
    )
    spec: SpecOut = Field(description="The payload as accepted")
    autoscaling: AutoscalingOut = Field(description="Replica bounds of each revision")
    stable: RevisionOut | None = Field(description="The revision that serves; null: deleted")
    candidate: RevisionOut | None = Field(description="The revision on rollout; null: none")
    standby: list[int] = Field(
        description="Revisions on standby, for an instant rollback", examples=[[1]]
    )
    traffic: BothTraffics = Field(description="Traffic as desired and as the route says")
    urls: list[str] = Field(
        description="Where clients call the endpoint", examples=[["http://fraud.team-a"]]
    )
    status: StatusOut | None = Field(
        description="The worker's last word; null: it has not reconciled it yet"
    )
    author: str = Field(description="Who made the present intent", examples=["ann"])
    reason: str = Field(description="Why, in the author's words", examples=["new weights"])
    since: datetime | None = Field(
        description="When the present intent was made", examples=["2026-01-01T12:00:00Z"]
    )
    rollout: RolloutOut | None = Field(
        default=None, description="The rollout that acts; null: none"
    )
    watch: WatchOut | None = Field(
        default=None,
        description="The watch that follows the last promotion; null: none does any more",
    )
    created_at: datetime | None = Field(
        default=None, description="When the endpoint was made", examples=["2026-01-01T12:00:00Z"]
    )
    created_by: str | None = Field(default=None, description="Who made it", examples=["ann"])


class EndpointChange(EndpointOut, ChangeOut):
    """An endpoint as a change left it."""

    accepted: AcceptedOut = Field(description="What was accepted, and what follows")
    preflight: PreflightOut | None = Field(
        default=None, description="What was checked first; null where the call moves nothing"
    )


class EndpointsPage(BaseModel):
    """A page of endpoints."""

    items: list[EndpointOut] = Field(description="Endpoints of this page, by namespace and name")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["WyJ0ZWFtLWEiXQ"],
    )
