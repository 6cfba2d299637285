"""What must be true at every tick, whatever goes wrong: no traffic to a wrong revision.

Written on its own reading of the objects, not with the drivers' code.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.cluster.faults.ticks import State, Tick, replay
from tidegate.core.intent import EndpointKey, Intent, Mode

Json = dict[str, Any]
Intents = Mapping[int, Intent]  # by generation
GENERATION = "tidegate.dev/generation"
LABEL = "tidegate.dev/revision"


def wrong(key: EndpointKey, ticks: Iterable[Tick], intents: Intents) -> list[str]:
    """Every breach in the life of one endpoint, in words; none is the aim."""
    rules = _knative
    if intents[1].mode is Mode.STANDARD:
        rules = _standard
    return replay(ticks, lambda tick, state: rules(key, tick, state, intents))


def asked(intent: Intent, revision: int) -> int:
    """The percent of unmatched requests that an intent gives a revision."""
    if revision == intent.stable:
        return 100 - (intent.candidate_traffic.percent if intent.candidate is not None else 0)
    if revision != intent.candidate:
        return 0
    return intent.candidate_traffic.percent


def _standard(key: EndpointKey, tick: Tick, state: State, intents: Intents) -> Iterator[str]:
    if tick.kind != "HTTPRoute" or tick.name != key.name or tick.item is None:
        return
    before = state.get(("HTTPRoute", key.name))
    generation = _generation(tick.item)
    old = 0
    if before:
        old = _generation(before)
    if generation < old:
        yield f"the route's generation fell from {old} to {generation}"
    intent = intents[generation]
    had = {}
    if before:
        had = _shares(key, before)
    for revision, share in _shares(key, tick.item).items():
        if revision == -1:
            yield "a rule's shares do not sum to 100"
            continue
        risen = share > had.get(revision, 0)
        if risen and revision != intent.stable and share > asked(intent, revision):
            yield f"r{revision} got {share} %, generation {generation} gives it {asked(intent, revision)} %"
        serves = any(
            older.stable == revision for number, older in intents.items() if number < generation
        )
        if risen and before and not serves and not _available(key, revision, state):
            yield f"r{revision} got {share} % without a ready pod"


def _shares(key: EndpointKey, route: Json) -> dict[int, int]:
    """The largest share of each revision over the route's rules; -1 where a rule's do not sum to
    100."""
    most: dict[int, int] = {}
    for rule in route["spec"]["rules"]:
        results = [
            (_revision(key, ref["name"]), ref.get("weight", 1))
            for ref in rule.get("backendRefs", ())
        ]
        if sum(share for _, share in results) != 100:
            most[-1] = 0
        for revision, share in results:
            most[revision] = max(share, most.get(revision, 0))
    return most


def _revision(key: EndpointKey, service: str) -> int:
    match = re.fullmatch(rf"{key.name}-r(\d+)-predictor", service)
    assert match, f"the route leads to {service}"
    return int(match[1])


def _generation(route: Json) -> int:
    return int(route["metadata"]["annotations"][GENERATION])


def _available(key: EndpointKey, revision: int, state: State) -> bool:
    result = state.get(("Deployment", f"{key.name}-r{revision}-predictor"))
    return bool(result and result.get("status", {}).get("availableReplicas"))


def _knative(key: EndpointKey, tick: Tick, state: State, intents: Intents) -> Iterator[str]:
    if tick.kind == "InferenceService" and tick.name == key.name and tick.item is not None:
        yield from _head(key, tick.item, state, intents)
    if tick.kind == "Ingress" and tick.name == f"{key.name}-predictor" and tick.item is not None:
        for revision, share in _splits(tick.item, state).items():
            most = max(asked(intent, revision) for intent in intents.values())
            if share > most:
                yield f"Knative gives r{revision} {share} %, no intent ever gave it more than {most} %"


def _head(key: EndpointKey, item: Json, state: State, intents: Intents) -> Iterator[str]:
    """What we write: a head never gets more than the noted generation gives it, or than it had."""
    note = state.get(("ConfigMap", f"{key.name}-tidegate"))
    if note is None:
        yield "the service was written before its generation was noted"
        return
    intent = intents[int(note["data"]["generation"])]
    if intent.stable is None:
        return
    now, share = _written(item)
    before = state.get(("InferenceService", key.name))
    had = 0
    if before:
        had = dict([_written(before)]).get(now, 0)
    if share > max(had, asked(intent, now)) and not (before is None or now == intent.stable):
        yield f"r{now} was written at {share} %, generation {intent.generation} gives it {asked(intent, now)} %"


def _written(item: Json) -> tuple[int, int]:
    predictor = item["spec"]["predictor"]
    return int(predictor["labels"][LABEL][1:]), predictor.get("canaryTrafficPercent", 100)


def most_given(key: EndpointKey, ticks: Iterable[Tick]) -> dict[int, int]:
    """The largest share that Knative's ingress ever gave each revision."""
    most: dict[int, int] = {}

    def see(tick: Tick, state: State) -> Iterator[str]:
        if (
            tick.kind == "Ingress"
            and tick.name == f"{key.name}-predictor"
            and tick.item is not None
        ):
            for revision, share in _splits(tick.item, state).items():
                most[revision] = max(share, most.get(revision, 0))
        return iter(())

    assert replay(ticks, see) == []
    return most


def _splits(ingress: Json, state: State) -> dict[int, int]:
    """The shares of the untagged hosts, by our revisions; unknown ones count as revision 0, which
    nobody wants."""
    result: dict[int, int] = {}
    for rule in ingress["spec"].get("rules", ()):
        for path in rule["http"]["paths"]:
            splits = path["splits"]
            if len(splits) == 1 and "Knative-Serving-Tag" in path.get("headers", {}):
                continue
            shares: dict[int, int] = {}
            for split in splits:
                revision = _number(split["serviceName"], state)
                shares[revision] = shares.get(revision, 0) + split["percent"]
            if not _tagged(rule):
                for revision, share in shares.items():
                    result[revision] = max(share, result.get(revision, 0))
    return result


def _tagged(rule: Json) -> bool:
    """Hosts that reach one revision by its tag carry no share of the endpoint's requests."""
    return all(host.startswith(("latest-", "prev-")) for host in rule.get("hosts", ()))


def _number(name: str, state: State) -> int:
    revision = state.get(("Revision", name))
    label = "r0"
    if revision:
        label = revision["metadata"].get("labels", {}).get(LABEL, "r0")
    return int(label[1:])
