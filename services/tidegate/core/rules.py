"""The one rule book: may this intent follow that one, on this cluster? API, rollout controller and
preflight ask here."""

import re
from collections.abc import Iterator

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import CandidateTraffic, Intent, Mode, Runtime, Scaling
from tidegate.core.ports import Capabilities
from tidegate.core.triton import restriction, servers

NAME_LIMIT = 40  # leaves room for `-r<N>-predictor` and what Knative appends, below DNS's 63
LABEL_LIMIT = 63  # of a DNS label (RFC 1035)
LONGEST_REVISION = "r999"  # what names leave room for
NAME_CANDIDATE = Remediation(
    "name a version or a revision", "model_version_id or revision", "--version or --revision"
)
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_REVISION_SUFFIX = re.compile(r".*-r[0-9]+")


def check_name(name: str) -> tuple[Problem, ...]:
    """An endpoint's name: a DNS label that KServe accepts, short, and not mistakable for a
    revision."""
    problems = []
    if not _DNS_LABEL.fullmatch(name):
        problems.append(
            Problem(
                "/name",
                f"{name!r} is not a DNS label",
                Remediation(
                    "begin with a letter, then only a-z, 0-9 and '-', ending in a letter or digit"
                ),
            )
        )
    if len(name) > NAME_LIMIT:
        problems.append(
            Problem(
                "/name",
                f"{name!r} has {len(name)} characters, at most {NAME_LIMIT} are allowed",
                Remediation("choose a shorter name"),
            )
        )
    if _REVISION_SUFFIX.fullmatch(name):
        problems.append(
            Problem(
                "/name",
                f"{name!r} ends like a revision (-r<digits>), which Tidegate appends itself",
                Remediation("rename it"),
            )
        )
    return tuple(problems)


def check(new: Intent, old: Intent | None, caps: Capabilities) -> tuple[Problem, ...]:
    """Everything wrong with `new` as the successor of `old` (None: the first); () when it may be
    appended."""
    return (
        *(
            _check_host(new) if old is None else ()
        ),  # never in the way of an endpoint that is there: it must roll back
        *check_scaling(new.scaling, new.mode),
        *_check_keda(new, old, caps),
        *(_check_adopted(new, caps) if old is None else ()),
        *_check_candidate_traffic(new, caps),
        *(_check_step(new, old) if old is not None else ()),
    )


def _check_host(new: Intent) -> Iterator[Problem]:
    """KServe's host name of a standard InferenceService (its default domainTemplate) begins with
    one DNS label made of name and namespace; beyond the limit it fails to reconcile, so it must fit
    for the revisions to come as well."""
    if new.mode is not Mode.STANDARD:
        return
    label = f"{new.key.name}-{LONGEST_REVISION}-predictor-{new.key.namespace}"
    excess = len(label) - LABEL_LIMIT
    if excess > 0:
        yield Problem(
            "/name",
            f"{new.key.name!r} in namespace {new.key.namespace!r} is too long: KServe makes the "
            f"host name {label!r} of "
            f"a revision, which has {len(label)} characters, at most {LABEL_LIMIT} are allowed",
            Remediation(f"shorten the name (or choose a namespace that is shorter) by {excess}"),
        )


def check_runtime(
    runtime: Runtime, mode: Mode, caps: Capabilities, stable: Runtime | None = None
) -> tuple[Problem, ...]:
    """Everything wrong with a new revision's runtime. stable: that of the revision which serves."""
    problems = [*servers.check(runtime), *restriction.check(runtime)]
    if mode is Mode.KNATIVE and not caps.knative_placement:
        for field, value in (
            ("nodeSelector", runtime.pods.node_selector),
            ("tolerations", runtime.pods.tolerations),
        ):
            if value:
                problems.append(
                    Problem(
                        f"/runtime_config/{field}",
                        "is refused in knative mode on this cluster",
                        Remediation(
                            "set kubernetes.podspec-nodeselector and "
                            "kubernetes.podspec-tolerations to enabled in Knative's "
                            "config-features, or leave it out"
                        ),
                    )
                )
    if mode is Mode.KNATIVE and stable is not None and runtime.protocol is not stable.protocol:
        problems.append(
            Problem(
                "/runtime_config/protocolVersion",
                f"{runtime.protocol} differs from {stable.protocol}, which clients of this "
                "endpoint speak, and in "
                "knative mode an endpoint has one port",
                Remediation("make another endpoint"),
            )
        )
    return tuple(problems)


def check_scaling(scaling: Scaling, mode: Mode) -> Iterator[Problem]:
    """What is wrong with an endpoint's bounds of replicas in a mode."""
    lowest = 0 if mode is Mode.KNATIVE else 1
    if scaling.min_replicas < lowest:
        yield Problem(
            "/autoscaling/minReplicas",
            f"{scaling.min_replicas} is below {lowest}, the least in {mode} mode",
            Remediation(
                f"send at least {lowest}"
                + ("" if lowest == 0 else "; scale to zero needs knative mode")
            ),
        )
    if scaling.min_replicas > scaling.max_replicas:
        yield Problem(
            "/autoscaling/minReplicas",
            f"minReplicas {scaling.min_replicas} is above maxReplicas {scaling.max_replicas}",
            Remediation("lower it or raise maxReplicas"),
        )


def _check_keda(new: Intent, old: Intent | None, caps: Capabilities) -> Iterator[Problem]:
    """What KEDA needs, where it is newly asked for: an endpoint that has it must be able to roll
    back at any time."""
    if not new.scaling.keda or (old is not None and old.scaling.keda):
        return
    yield from check_keda_mode(new.scaling, new.mode)
    if not caps.keda:
        yield Problem(
            "/autoscaling/keda",
            "needs KEDA and a Prometheus that it asks, which this cluster does not have",
            Remediation("install it, or leave it out"),
        )
    # KEDA's name for its HPA is a label, too
    limit = LABEL_LIMIT - len(f"keda-hpa--{LONGEST_REVISION}-predictor")
    if len(new.key.name) > limit:
        yield Problem(
            "/autoscaling/keda",
            f"KEDA needs a name of at most {limit} characters, {new.key.name!r} has "
            f"{len(new.key.name)}: KEDA puts it "
            f"into a label of at most {LABEL_LIMIT}",
            Remediation("leave it out, or choose a shorter name"),
        )


def check_keda_mode(scaling: Scaling, mode: Mode) -> Iterator[Problem]:
    """KEDA in a mode that has its own autoscaler."""
    if scaling.keda and mode is Mode.KNATIVE:
        yield Problem(
            "/autoscaling/keda",
            "KEDA is refused in knative mode: Knative's own autoscaler scales there",
            Remediation("leave it out, or use standard mode"),
        )


def _check_adopted(new: Intent, caps: Capabilities) -> Iterator[Problem]:
    if new.stable == 0 and new.mode is Mode.STANDARD and not caps.gateway:
        yield Problem(
            "/name",
            f"adopting {new.key.name!r} in standard mode needs the Gateway API: KServe's own "
            "Service has the "
            "endpoint's name, so that only a route can follow rollouts",
            Remediation("install it and set the gateway, or make a new endpoint"),
        )


def _check_candidate_traffic(new: Intent, caps: Capabilities) -> Iterator[Problem]:
    candidate_traffic = new.candidate_traffic
    if not 0 <= candidate_traffic.percent <= 99:
        yield Problem(
            "/canary_percent",
            f"{candidate_traffic.percent} is not between 0 and 99: 100 is the promotion",
            Remediation("send 0 to 99, then promote"),
        )
    for field, value in (
        ("/mirror_percent", candidate_traffic.mirror),
        ("/replicas_percent", candidate_traffic.replicas_percent),
    ):
        if not 0 <= value <= 100:
            yield Problem(field, f"{value} is not between 0 and 100", Remediation("send 0 to 100"))
    if new.candidate is None and candidate_traffic != CandidateTraffic():
        yield Problem("/canary_percent", "there is no candidate to send traffic to", NAME_CANDIDATE)
    if new.stable is None and (new.candidate is not None or new.standby):
        yield Problem(
            "/stable",
            "an endpoint that is gone has neither candidate nor standby revisions",
            Remediation("make it again first"),
        )
    if new.candidate is not None and new.candidate == new.stable:
        yield Problem(
            "/revision",
            f"r{new.candidate} already is stable",
            Remediation("name another version or revision"),
        )
    yield from _check_traffic_features(new, caps)


def _check_traffic_features(new: Intent, caps: Capabilities) -> Iterator[Problem]:
    candidate_traffic = new.candidate_traffic
    knative = new.mode is Mode.KNATIVE
    if candidate_traffic.match and (knative or not (caps.header_match and caps.gateway)):
        yield Problem("/match", *_needs("header A/B", knative, "HTTPRoute header matches"))
    if candidate_traffic.mirror and (knative or not (caps.mirror and caps.gateway)):
        yield Problem("/mirror_percent", *_needs("mirroring", knative, "HTTPRoute request mirrors"))
    if new.standby and knative:
        yield Problem("/standby", *_needs("a standby revision", knative, ""))
    if candidate_traffic.percent and not knative and not caps.gateway:
        yield Problem(
            "/canary_percent",
            "a traffic split in standard mode needs the Gateway API",
            Remediation(
                "install it and set the gateway, use knative mode, or a rollout that moves all at "
                "once (blue-green)"
            ),
        )


def _needs(what: str, knative: bool, feature: str) -> tuple[str, Remediation]:
    if knative:
        detail = f"{what} is refused in knative mode, whose route knows only percents"
        return detail, Remediation("use standard mode")
    detail = f"{what} needs {feature}, which this cluster's gateway does not support"
    return detail, Remediation("use a gateway that does, or another strategy")


def _check_step(new: Intent, old: Intent) -> Iterator[Problem]:
    if new.mode is not old.mode:
        yield Problem(
            "/mode",
            f"{new.mode} differs from {old.mode}, and KServe cannot change it",
            Remediation("make another endpoint"),
        )
    # In knative mode the driver brings any stable in by the safe order; in standard mode only what
    # runs may take over.
    runs = (old.stable, old.candidate, *old.standby)
    if (
        new.mode is Mode.STANDARD
        and new.stable is not None
        and old.stable is not None
        and new.stable not in runs
    ):
        yield Problem(
            "/revision",
            f"r{new.stable} does not run",
            Remediation("start a rollout of it, or undo to it"),
        )
    scaled = new.scaling != old.scaling and (old.candidate is not None or new.candidate is not None)
    if scaled and new.mode is Mode.KNATIVE:
        yield Problem(
            "/autoscaling",
            "scaling cannot change during a rollout in knative mode, where it is part of the "
            "revision",
            Remediation("end the rollout first"),
        )
