"""What an InferenceService in Knative mode, its Knative Revisions and their pods show, in our
numbers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.core.drivers import addresses, entries, pod_state, pod_trouble
from tidegate.core.drivers.base import Revisions
from tidegate.core.drivers.order import Pointers
from tidegate.core.drivers.pod_containers import restarted_beside
from tidegate.core.drivers.rendering import REVISION, number_of, parse_label
from tidegate.core.foreign_text import last_words
from tidegate.core.intent import Revision
from tidegate.core.observation import Live, Trouble
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.traffic import Rule, Share, Traffic

PERCENT = "canaryTrafficPercent"
# written where the percent must go: to KServe the same as none, and unlike leaving the field out it
# also
ALL = 100
# ends a percent that somebody else's field manager owns
MIN_SCALE = "autoscaling.knative.dev/min-scale"
KNATIVE_REVISION = "serving.knative.dev/revision"  # on every pod, by name


def _percent(isvc: Manifest) -> int | None:
    """canaryTrafficPercent; None where the head gets everything."""
    percent = isvc["spec"]["predictor"].get(PERCENT)
    return None if percent == ALL else percent


def head(isvc: Manifest) -> int | None:
    """The revision in the spec; None where it is none of ours."""
    labels = isvc["spec"]["predictor"].get("labels") or {}
    return parse_label(labels.get(REVISION, ""))


def _status(isvc: Manifest) -> Mapping[str, Any]:
    return ((isvc.get("status") or {}).get("components") or {}).get("predictor") or {}


def _numbers(snapshot: Snapshot) -> dict[str, int]:
    """Knative revision names to our numbers."""
    pairs = ((r["metadata"]["name"], number_of(r)) for r in snapshot.all("Revision"))
    return {name: number for name, number in pairs if number is not None}


def pointers(isvc: Manifest, snapshot: Snapshot) -> Pointers:
    """KServe's pointers in our numbers."""
    status = _status(isvc)
    numbers = _numbers(snapshot)
    created = status.get("latestCreatedRevision")
    ready = status.get("latestReadyRevision")
    pinned = status.get("latestRolledoutRevision")
    at = head(isvc)
    caught_up = (
        bool(created)
        and created == ready
        and numbers.get(str(created)) == at
        and _is_of_head(isvc, snapshot.get("Revision", str(created)))
    )
    shares = [
        int(t.get("percent") or 0) for t in status.get("traffic") or () if t.get("latestRevision")
    ]
    return Pointers(
        head=at if at is not None else -1,
        percent=_percent(isvc),
        pinned=numbers.get(pinned, -1) if pinned else None,
        caught_up=caught_up,
        steady=caught_up and pinned == created,
        latest_share=sum(shares) if ready != pinned else 0,
        stuck=any(_unready(snapshot.get("Revision", name)) for name in (ready, pinned) if name),
    )


def _is_of_head(isvc: Manifest, revision: Manifest | None) -> bool:
    """Whether a Knative revision was made for the present entry of the head, and not for an earlier
    one of the same revision of ours."""
    return revision is not None and entries.of_revision(revision) == entries.of_head(isvc)


def _unready(revision: Manifest | None) -> bool:
    return revision is None or pod_state.condition(revision, "Ready").get("status") != "True"


def traffic(isvc: Manifest, snapshot: Snapshot) -> Traffic | None:
    """Shares by revision name, None before there are any."""
    numbers = _numbers(snapshot)
    shares: dict[int, int] = {}
    for target in _status(isvc).get("traffic") or ():
        number = numbers.get(target.get("revisionName", ""), -1)
        shares[number] = shares.get(number, 0) + int(target.get("percent") or 0)
    if not shares:
        return None
    return Traffic((Rule((), tuple(Share(number, percent) for number, percent in shares.items())),))


def live(isvc: Manifest, snapshot: Snapshot, revisions: Revisions) -> list[Live]:
    """Each of our revisions. Of several Knative revisions of one (twins: a restored stable) the one
    with traffic counts, else the newest: what starts beside it does not serve yet."""
    routed = {t.get("revisionName") for t in _status(isvc).get("traffic") or () if t.get("percent")}
    chosen: dict[int, Manifest] = {}
    for revision in sorted(
        snapshot.all("Revision"), key=lambda row: (row["metadata"]["name"] in routed, _age(row))
    ):
        number = number_of(revision)
        if number is not None:
            chosen[number] = revision
    return [
        replace(
            _live(number, manifest, isvc, snapshot),
            address=_address(isvc, manifest, revisions.get(number)),
        )
        for number, manifest in chosen.items()
    ]


def _address(isvc: Manifest, manifest: Manifest, revision: Revision | None) -> str | None:
    return addresses.knative(_status(isvc), manifest["metadata"]["name"], revision)


def _age(revision: Manifest) -> tuple[int, str]:
    name = revision["metadata"]["name"]
    return len(name), name


def _live(number: int, revision: Manifest, isvc: Manifest, snapshot: Snapshot) -> Live:
    name = revision["metadata"]["name"]
    pods = [
        p
        for p in snapshot.all("Pod")
        if (p["metadata"].get("labels") or {}).get(KNATIVE_REVISION) == name
    ]
    running = [pod for pod in pods if not pod_trouble.ended(pod)]
    ready = sum(pod_state.ready_since(pod) is not None for pod in pods)
    is_ready = pod_state.condition(revision, "Ready").get("status") == "True"
    asleep = _asleep(revision, ready)
    not_warmed_up = any(pod_state.not_warmed_up(pod) for pod in pods)
    leads = head(isvc) == number
    served = any(
        t.get("revisionName") == name and t.get("percent")
        for t in _status(isvc).get("traffic") or ()
    )
    named = None
    if leads:
        named = isvc
    trouble = pod_trouble.of_revision(named, pods, snapshot)
    broken = pod_state.condition(revision, "Ready")
    failed = None
    if broken.get("status") == "False":
        failed = last_words(str(broken.get("message") or broken.get("reason")))
    return Live(
        number,
        desired=max(len(running), ready),
        ready=ready,
        trouble=Trouble(
            restarts=pod_state.restarts(pods),
            failure=trouble.message or failed,
            containers=pod_state.troubled(pods),
            beside=restarted_beside(pods),
            failing=trouble.container,
        ),
        youngest=pod_state.youngest(pods),
        not_warmed_up=not_warmed_up,
        idle=is_ready
        and asleep
        and not not_warmed_up
        and pod_trouble.trouble(running) is None
        and (leads or served),
    )


def _asleep(revision: Manifest, ready: int) -> bool:
    """Whether the activator answers for it: at zero, and where it may be at zero, also on the
    reachable intent there and back. Pods can be seen to go before Active is seen to be False; while
    it is Unknown, the activator holds the requests until a pod is ready."""
    lowest = (revision["metadata"].get("annotations") or {}).get(MIN_SCALE)
    return pod_state.condition(revision, "Active").get("status") == "False" or (
        lowest == "0" and not ready
    )
