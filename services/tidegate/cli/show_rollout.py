"""A rollout as people read it: where it stands, desired beside observed weight, verdicts with counts, its steps.
Pure: answers of the API in, text out."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.cli import words
from tidegate.cli.words import ROLLOUT_ICONS, age, icon, lasts, percent, said

Json = dict[str, Any]
_STEP_ICONS = {"done": words.OK, "current": words.GOING, "ahead": words.NEUTRAL}
_ANSWER_ICONS = {"pass": words.OK, "fail": words.BAD, "need-more": words.GOING}
_AWAITS = {
    "bake": "its bake time",
    "data": "enough requests for a verdict",
    "split": "the measured split to match",
    "ready": "its replicas to get ready",
    "person": "a person",
    "promotion": "the cluster to follow",
    "return": "the cluster to follow",
}
FAILED = frozenset({"aborted", "superseded"})
ENDED = FAILED | {"promoted", "retired"}


def name(rollout: Json) -> str:
    """For `-o name`."""
    return f"rollout/{rollout['id']}"


def phase(rollout: Json) -> Text:
    """Icon and phase. A candidate under trial by a person is not bad, only paused."""
    return icon(ROLLOUT_ICONS.get(rollout["phase"], words.UNKNOWN), rollout["phase"])


def step(rollout: Json) -> str:
    """`2/5`; `ready` while the candidate gets ready; `-` where the plan has no steps."""
    total = len(rollout["steps"])
    if rollout["step"] < 0 and rollout["phase"] == "starting":
        return "getting ready"
    return f"{min(max(rollout['step'], 0) + 1, total)}/{total}" if total else "-"


def weight(rollout: Json) -> str:
    """The candidate's share: what should be beside what the data plane is told to do."""
    return f"wanted {percent(rollout['desired_percent'])}, observed {percent(rollout['observed_percent'])}"


def awaits(rollout: Json) -> str:
    """What must happen next; the pilot's short words spelt out."""
    return _AWAITS.get(rollout["awaits"], str(rollout["awaits"] or ""))


def status(rollout: Json, now: float, cluster: str = "") -> RenderableType:
    """The whole of `rollout status`. cluster: the worker's one line about the endpoint."""
    table = words.pairs()
    for label, value in _header(rollout, now, cluster):
        table.add_row(f"{label}:", value)
    parts: list[RenderableType] = [table]
    if rollout["verdicts"]:
        parts += ["", verdicts(rollout)]
    if rollout.get("experiment"):
        parts += ["", _experiment(rollout)]
    if rollout["steps"]:
        parts += ["", steps(rollout)]
    return Group(*parts)


def _header(rollout: Json, now: float, cluster: str) -> Iterator[tuple[str, RenderableType]]:
    yield "Rollout", rollout["id"] + (f" (attempt {rollout['attempt']})" if rollout["attempt"] > 1 else "")
    yield "Endpoint", f"{rollout['namespace']}/{rollout['endpoint']}"
    yield "Status", phase(rollout)
    yield "Strategy", f"{rollout['strategy']}: r{rollout['candidate']} against r{rollout['base']}"
    if rollout["phase"] not in ENDED:
        yield "Step", step(rollout)
        yield "Weight", f"r{rollout['candidate']} {weight(rollout)}"
    if rollout["phase"] not in ENDED and rollout.get("expected_seconds") is not None:
        yield "Expected", f"about {lasts(rollout['expected_seconds'])} for all steps, at the present rate of requests"
    if rollout.get("awaits"):
        wait = rollout.get("wait")
        yield "Awaits", awaits(rollout) + (f", for {lasts(wait['seconds'])}" if wait else "")
    if hold := rollout.get("hold"):
        yield "Paused", icon(words.PAUSED, said(hold["author"], hold["why"]))
    if rollout.get("takeover"):
        yield "By hand", f"{rollout['takeover']} sets the percent until `tidegate rollout resume`"
    if rollout.get("outcome_why"):
        yield "Because", rollout["outcome_why"]
    if cluster:
        yield "Now", cluster
    yield "Started", f"{age(rollout['created_at'], now)} ago by {said(rollout['author'], rollout['reason'])}"
    if rollout["phase"] in ENDED:
        yield "Ended", f"{age(rollout['updated_at'], now)} ago"


def steps(rollout: Json) -> Table:
    """The plan, step by step."""
    table = words.table("STEP", "CANDIDATE", "UNTIL", "BAKE", "EXPECTED")
    for number, one in enumerate(rollout["steps"], 1):
        current = one["state"] == "current"
        baked = f"{lasts(one['baked_seconds'])} of " if current else ""
        known = one["expected_seconds"] is not None and one["state"] != "done" and rollout["phase"] not in ENDED
        expected = f"about {lasts(one['expected_seconds'])}" if known else "-"
        sign = words.BAD if current and rollout["phase"] in FAILED else _STEP_ICONS[one["state"]]
        table.add_row(
            icon(sign, str(number)), posture(one), _until(one["until"]), baked + lasts(one["bake_seconds"]), expected
        )
    return table


def posture(one: Json) -> str:
    """What the candidate gets in a step."""
    parts = []
    if one["match"]:
        parts.append(" and ".join(f"{m['name']}: {m['value']}" for m in one["match"]))
    if one["mirror_percent"]:
        parts.append(f"{one['mirror_percent']} % mirrored")
    if one["percent"] or not parts:
        parts.append(f"{one['percent']} %")
    if one["size"]:
        parts.append(f"size {one['size']} %")
    return ", ".join(parts)


def _until(until: str) -> str:
    return {"no-fail": "no fail", "pass": "pass", "person": "a person"}.get(until, until)


def verdicts(rollout: Json) -> RenderableType:
    """Each question with its counts; the reasons below at full width, because a cell would squeeze them."""
    table = words.table("QUESTION", "VERDICT", "CANDIDATE BAD", "STABLE BAD", "MORE")
    for one in rollout["verdicts"]:
        verdict = icon(_ANSWER_ICONS.get(one["answer"], words.UNKNOWN), one["answer"])
        table.add_row(one["question"], verdict, bad(one, "candidate"), bad(one, "stable"), _more(one))
    return Group(table, *(Padding(one["why"], (0, 0, 0, 2)) for one in rollout["verdicts"]))


def bad(verdict: Json, who: str) -> str:
    """Bad answers of all answers."""
    return f"{verdict[who + '_bad']:,} of {verdict[who + '_requests']:,}"


def _more(verdict: Json) -> str:
    if verdict["answer"] != "need-more" or verdict["requests_more"] is None:
        return "-"
    return f"{verdict['requests_more']:,} requests, {lasts(verdict['seconds_more'])}"


def _experiment(rollout: Json) -> Table:
    table = words.table("EXPERIMENT", "SUCCESSES", "UNITS", "BY")
    for one in rollout["experiment"]:
        table.add_row(f"r{one['revision']}", f"{one['successes']:,}", f"{one['units']:,}", one["author"])
    return table


def change(rollout: Json, now: float) -> str:
    """One line of a watch that no terminal shows."""
    parts = [words.clock(now), phase(rollout).plain]
    if rollout["phase"] not in ENDED:
        if rollout["steps"]:
            parts.append(step(rollout) if rollout["step"] < 0 else f"step {step(rollout)}")
        parts.append(weight(rollout))
    parts += [f"{one['question']} {one['answer']}" for one in rollout["verdicts"]]
    why = rollout.get("outcome_why") or (rollout.get("hold") or {}).get("why") or awaits(rollout)
    return "  ".join([*parts, *([f"({why})"] if why else [])])


def mark(rollout: Json) -> tuple[object, ...]:
    """What makes a watch print another line."""
    answers = tuple((one["question"], one["answer"]) for one in rollout["verdicts"])
    hold = (rollout.get("hold") or {}).get("why")
    weights = (rollout["desired_percent"], rollout["observed_percent"])
    return (rollout["phase"], rollout["step"], *weights, hold, rollout.get("takeover"), answers)


def listing(rollouts: list[Json], now: float) -> Table:
    """`rollout list`."""
    table = words.table("ID", "ENDPOINT", "STRATEGY", "TRIAL", "STATUS", "STEP", "AGE")
    for one in rollouts:
        trial = f"r{one['base']} → r{one['candidate']}"
        done = "-" if one["phase"] in ENDED else step(one)
        where = f"{one['namespace']}/{one['endpoint']}"
        table.add_row(
            Text(one["id"], no_wrap=True), where, one["strategy"], trial, phase(one), done, age(one["created_at"], now)
        )
    return table
