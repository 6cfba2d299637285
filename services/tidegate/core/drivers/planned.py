"""Every object on the reachable intent, before anything moves: what the drivers' `reachable`
answer, and the splits they may show.
 A driver writes more than the targets of its intents: on the reachable intent it holds a share, gives a candidate
without a ready pod nothing, leaves the standby revision in charge until its successor is ready.
`splits` names all of those. Slots, whose order depends on history, are taken as they are now with
newcomers behind them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tidegate.core.drivers.rendering import ENTRY, GENERATION, MARK
from tidegate.core.intent import HeaderMatch, Intent
from tidegate.core.ports import Manifest
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import Rule, Share, Traffic, desired


@dataclass(frozen=True, slots=True)
class Planned:
    """One object as it would be written. step: on which way first, for people. rule: why the driver
    writes it so. index: of the plan's step, None for what is no step of the plan."""

    manifest: Manifest
    step: str
    rule: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """The shares and mirrored percents that any way asks for, by match: what a share may be held
    at."""

    shares: Mapping[tuple[HeaderMatch, ...], frozenset[int]]
    mirrors: frozenset[int]


def levels(reachable_intents: Sequence[ReachableIntent]) -> Levels:
    """Over all reachable intents of one rollout."""
    shares: dict[tuple[HeaderMatch, ...], set[int]] = {}
    for reachable_intent in reachable_intents:
        target = desired(reachable_intent.intent)
        for rule in target.rules if target else ():
            shares.setdefault(rule.match, {0}).add(rule.percent(reachable_intent.intent.candidate))
    mirrors = frozenset(
        {
            0,
            *(
                reachable_intent.intent.candidate_traffic.mirror
                for reachable_intent in reachable_intents
            ),
        }
    )
    return Levels({match: frozenset(share) for match, share in shares.items()}, mirrors)


def splits(intent: Intent, known: Levels) -> Iterator[tuple[Traffic, str]]:
    """Every traffic that the standard driver may write for an intent, its target first, each with
    its rule."""
    target = desired(intent)
    if target is None or intent.stable is None:
        return
    yield target, "the split of this step" if intent.candidate is not None else "all to stable"
    if intent.candidate is None:
        for heir in intent.standby:
            shares = (Share(intent.stable, 0), Share(heir, 100))
            yield (
                Traffic((Rule((), shares),)),
                f"r{heir} serves until r{intent.stable} is ready at its size",
            )
        return
    for rules in product(*(list(_held(rule, intent, known)) for rule in target.rules)):
        idle = not any(rule.percent(intent.candidate) or rule.mirrors for rule in rules)
        yield (
            Traffic(rules),
            (
                f"r{intent.candidate} gets nothing without a ready pod"
                if idle
                else f"r{intent.candidate} gets no more than it has until its replicas are ready"
            ),
        )


def _held(rule: Rule, intent: Intent, known: Levels) -> Iterator[Rule]:
    assert intent.stable is not None
    assert intent.candidate is not None
    most = rule.percent(intent.candidate)
    mirrored = sum(m.percent for m in rule.mirrors)
    shares = sorted(share for share in known.shares.get(rule.match, {0}) if share <= most)
    for share, mirror in product(shares, sorted(m for m in known.mirrors if m <= mirrored)):
        copies = (Share(intent.candidate, mirror),) if mirror else ()
        yield Rule(
            rule.match, (Share(intent.stable, 100 - share), Share(intent.candidate, share)), copies
        )


def slots(intent: Intent, present: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Who may be in the route: those there now with newcomers behind them, and once the others have
    gone."""
    everybody = tuple(dict.fromkeys((*present, *intent.desired)))
    left = tuple(number for number in everybody if number in intent.desired)
    return tuple(dict.fromkeys((everybody, left)))


def distinct(planned_objects: Iterable[Planned]) -> tuple[Planned, ...]:
    """Each object once, with the first reachable intent that it is on; objects that differ in their
    generation alone are one."""
    kept: dict[str, Planned] = {}
    for planned in planned_objects:
        kept.setdefault(json.dumps(plain(planned.manifest), sort_keys=True), planned)
    return tuple(kept.values())


def plain(manifest: Manifest) -> dict[str, Any]:
    """A manifest without its counters: the number and the mark of its generation, and the number of
    its head's entry."""
    meta = dict(manifest["metadata"])
    if "annotations" in meta:
        meta["annotations"] = {
            k: v for k, v in meta["annotations"].items() if k not in (GENERATION, MARK)
        }
    message = manifest.get("data") or {}
    data = {}
    if message:
        data = {"data": {k: v for k, v in message.items() if k not in ("generation", "mark")}}
    return {**manifest, "metadata": meta, **data, **_without_entry(manifest)}


def _without_entry(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.get("spec") or {}
    predictor = spec.get("predictor") or {}
    if ENTRY not in (predictor.get("annotations") or {}):
        return {}
    kept = {k: v for k, v in predictor["annotations"].items() if k != ENTRY}
    return {"spec": {**spec, "predictor": {**predictor, "annotations": kept}}}
