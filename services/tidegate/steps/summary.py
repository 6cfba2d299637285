"""The page that a pipeline shows at the end: traffic over time, the metrics with their counts, one
sentence.

One HTML file without scripts or anything from elsewhere: artifact viewers show it in a sandbox.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from tidegate.client import ApiProblem
from tidegate.client.api import Client
from tidegate.schemas import responses as out
from tidegate.steps import reading
from tidegate.steps.chart import Point, bars, steps
from tidegate.steps.errors import StepFailed
from tidegate.steps.task import Task

PAGES = 20  # of the history that are searched for the rollout's intents
STYLE = """body{font:14px/1.45 system-ui,sans-serif;color:#1c2733;margin:24px;max-width:900px}
h1{font-size:20px;margin:0 0 4px}h2{font-size:15px;margin:24px 0 6px}table{border-collapse:collapse}
td,th{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #dfe5ea;vertical-align:top}
.good{color:#0f7b3f}.bad{color:#b3261e}.open{color:#8a6100}p{margin:4px 0}svg{display:block}"""
_TONE = {
    "promoted": "good",
    "kept-stable": "good",
    "aborted": "bad",
    "superseded": "bad",
    "pass": "good",
    "fail": "bad",
}


def write(task: Task, rollout: out.RolloutOut) -> None:
    """The page of a rollout, where the pipeline wants one."""
    if getattr(task.args, "out_summary", ""):
        _save(
            task.args.out_summary,
            page(rollout, _shares(task, rollout), reading.url(rollout, task.url)),
        )


def write_endpoint(task: Task, endpoint: out.EndpointOut) -> None:
    """The page of a first deployment."""
    if not task.args.out_summary:
        return
    name = f"{endpoint.namespace}/{endpoint.name}"
    rows = [("Phase", endpoint.phase), ("Mode", endpoint.mode), ("Says", endpoint.message)]
    rows += [("Address", url) for url in endpoint.urls]
    body = f"<h1>{escape(name)}</h1>{_table([], rows)}"
    _save(task.args.out_summary, _whole(name, body))


def page(rollout: out.RolloutOut, shares: Sequence[Point], url: str) -> str:
    """The whole page. shares: when the candidate's desired percent became what."""
    name = f"{rollout.namespace}/{rollout.endpoint}"
    phase = rollout.phase
    message = rollout.outcome_message or rollout.awaits or ""
    head = (
        f"<h1>{escape(name)}: {escape(rollout.strategy)} of r{rollout.candidate} against "
        f"r{rollout.base}</h1>"
        f'<p><b class="{_TONE.get(phase, "open")}">{escape(phase)}</b> {escape(message)}</p>'
        f"<p>by {escape(rollout.author)}: {escape(rollout.reason or 'no reason given')}</p>"
        f'<p><a href="{escape(url, quote=True)}">{escape(url)}</a></p>'
    )
    traffic = ""
    if len(shares) > 1:
        traffic = f"<h2>Traffic to r{rollout.candidate}, desired</h2>{steps(shares)}"
    return _whole(name, head + traffic + _metrics(rollout) + _plan(rollout))


def _metrics(rollout: out.RolloutOut) -> str:
    if not rollout.verdicts:
        return "<h2>Evidence</h2><p>No metric was configured.</p>"
    names = (f"r{rollout.candidate}", f"r{rollout.base}")
    head = ["Metric", "Verdict", *names, "Why"]
    rows = [
        (
            verdict.metric,
            verdict.verdict,
            reading.count(verdict, "candidate"),
            reading.count(verdict, "stable"),
            verdict.message,
        )
        for verdict in rollout.verdicts
    ]
    drawn = "".join(
        bars(
            verdict.metric,
            [
                (names[0], reading.share(verdict, "candidate")),
                (names[1], reading.share(verdict, "stable")),
            ],
        )
        for verdict in rollout.verdicts
        if reading.of_requests(verdict) and verdict.mean is None
    )
    return f"<h2>Evidence</h2>{_table(head, rows)}{drawn}"


def _plan(rollout: out.RolloutOut) -> str:
    if not rollout.steps:
        return ""
    rows = [
        (
            str(n),
            reading.name(step),
            step.until,
            f"{step.baked_seconds:.0f} of {step.bake_seconds:.0f} s",
            step.state,
        )
        for n, step in enumerate(rollout.steps, 1)
    ]
    return f"<h2>Steps</h2>{_table(['', 'Traffic', 'Until', 'Baked', 'State'], rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = ""
    if head:
        top = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{top}{body}</table>"


def _cell(text: str) -> str:
    tone = ""
    if text in _TONE:
        tone = f' class="{_TONE[text]}"'
    return f"<td{tone}>{escape(str(text))}</td>"


def _whole(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{body}</body></html>"
    )


def _save(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _shares(task: Task, rollout: out.RolloutOut) -> list[Point]:
    """From the history; the page does without where that cannot be read."""
    try:
        intents = task.service.ask(lambda client: list(_intents(client, rollout)))
    except (ApiProblem, StepFailed) as error:
        task.say(f"⚠ no chart: {error}")
        return []
    points = sorted(
        (intent.at.timestamp(), float(_percent(intent, rollout.candidate)))
        for intent in intents
        if intent.at
    )
    if points and rollout.ended_at:
        points.append((max(rollout.ended_at.timestamp(), points[-1][0]), points[-1][1]))
    return points


def _intents(client: Client, rollout: out.RolloutOut) -> Iterator[out.IntentOut]:
    token: str | None = None
    for _ in range(PAGES):
        got = client.history(rollout.namespace, rollout.endpoint, page_size=100, page_token=token)
        yield from (intent for intent in got.intents if intent.rollout_id == rollout.id)
        token = got.next_page_token
        if token is None or _began_before(rollout, got.intents):
            return


def _began_before(rollout: out.RolloutOut, intents: Sequence[out.IntentOut]) -> bool:
    """Whether a page, newest first, goes back to before the rollout."""
    oldest = None
    if intents:
        oldest = intents[-1].at
    return oldest is not None and rollout.created_at is not None and oldest < rollout.created_at


def _percent(intent: out.IntentOut, candidate: int) -> int:
    if intent.stable == candidate:
        return 100
    rules = []
    if intent.traffic:
        rules = intent.traffic.rules
    shares: list[out.ShareOut] = next((rule.shares for rule in rules if not rule.match), [])
    return sum(share.percent for share in shares if share.revision == candidate)
