"""The history of an endpoint: who wanted and decided what, why, on which counts. Pure."""

from typing import Any

from rich.console import Group, RenderableType

from tidegate.cli import show_rollout, words
from tidegate.cli.words import clock, who

Json = dict[str, Any]


def name(entry: Json) -> str:
    """For `-o name`."""
    return f"ledger/{entry['seq']}"


def history(ledger: list[Json], rollouts: list[Json]) -> RenderableType:
    """`rollout history`: the ledger, newest first, then what each rollout was judged on."""
    table = words.table("WHEN (UTC)", "WHO", "WHAT", "WHY")
    for entry in ledger:
        table.add_row(clock(entry["at"]), who(entry["actor"]), what(entry), entry["why"] or "-")
    return Group(table, *(["", counts(rollouts)] if rollouts else []))


def what(entry: Json) -> str:
    """An entry's action in a few words."""
    action, body = entry["action"], entry["body"] if isinstance(entry["body"], dict) else {}
    if action == "intent":
        return _intent(body.get("intent", {}))
    if action == "rollout.start":
        rollout = body.get("rollout", {})
        strategy = (rollout.get("strategy") or {}).get("kind", "rollout")
        return f"start {strategy} of r{rollout.get('candidate')}"
    return str(action.removeprefix("wish."))


def _intent(intent: Json) -> str:
    generation, stable = intent.get("generation"), intent.get("stable")
    if stable is None:
        return f"g{generation}: gone"
    candidate, posture = intent.get("candidate"), intent.get("posture") or {}
    if candidate is None:
        return f"g{generation}: r{stable} 100 %"
    percent = posture.get("percent", 0)
    extra = "".join(
        (
            f", {posture['mirror']} % mirrored" if posture.get("mirror") else "",
            ", by header" if posture.get("match") else "",
        )
    )
    return f"g{generation}: r{stable} {100 - percent} %, r{candidate} {percent} %{extra}"


def counts(rollouts: list[Json]) -> RenderableType:
    """What each rollout was judged on."""
    table = words.table("ROLLOUT", "TRIAL", "OUTCOME", "QUESTION", "CANDIDATE BAD", "STABLE BAD")
    for one in rollouts:
        trial = f"{one['strategy']} r{one['base']} → r{one['candidate']}"
        head = (one["id"][:8], trial, show_rollout.phase(one))
        for number, verdict in enumerate(one["verdicts"]):
            question = f"{verdict['question']} {verdict['answer']}"
            bad = (show_rollout.bad(verdict, "candidate"), show_rollout.bad(verdict, "stable"))
            table.add_row(*(head if number == 0 else ("", "", "")), question, *bad)
        if not one["verdicts"]:
            table.add_row(*head, "-", "-", "-")
    return table
