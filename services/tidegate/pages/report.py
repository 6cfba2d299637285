"""The report of one rollout: one HTML file that needs nothing else, no script, no network. People
attach it to a change request, so it says what was planned, what was seen, what was decided, who did
what, and where the ledger stood. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tidegate.core.duration import lasts
from tidegate.pages import evidence
from tidegate.pages.evidence import Timeline
from tidegate.pages.markup import Html, element, join
from tidegate.pages.style import STYLE
from tidegate.schemas import responses as out

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
ROWS = 12  # of a chart's table
Sample = TypeVar("Sample")


@dataclass(frozen=True, slots=True)
class Record:
    """What a report is made of. ledger: entries of the endpoint's chain while the rollout ran,
    oldest first. head: the newest entry of that chain. revisions: those that the rollout names.
    until: the end of the rollout, or now. made_at: of the report. source: where the API is."""

    rollout: out.RolloutOut
    series: out.SeriesOut
    revisions: Sequence[out.RevisionOut]
    ledger: Sequence[out.EntryOut]
    head: out.EntryOut | None
    until: datetime
    made_at: datetime
    source: str

    @property
    def timeline(self) -> Timeline:
        """What the charts share."""
        return Timeline(self.series.shares, self.until, len(self.rollout.steps))


def page(record: Record) -> str:
    """The whole file."""
    rollout = record.rollout
    title = f"{rollout.namespace}/{rollout.endpoint}: {rollout.strategy} of r{rollout.candidate}"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", title),
        element("style", Html(STYLE)),
    )
    body = element(
        "body",
        element("h1", title),
        _outcome(rollout),
        _facts(record),
        *_section("Plan", _plan(rollout), _margins(rollout)),
        *_section("Traffic", _traffic(record)),
        *_section("Verdicts", _verdicts(rollout)),
        *(part for metric in record.series.metrics for part in _metric(record, metric)),
        *_section("Who did what", _ledger(record.ledger)),
        *_section("Ledger", _head(record)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _section(title: str, *parts: Html) -> tuple[Html, ...]:
    return (element("h2", title), *parts)


def _outcome(rollout: out.RolloutOut) -> Html:
    message = rollout.outcome_message or rollout.awaits or ""
    word = element("strong", rollout.phase, class_=f"phase {rollout.phase}")
    return element("p", word, " ", message, class_="outcome")


def _facts(record: Record) -> Html:
    rollout = record.rollout
    rows = [
        ("Rollout", rollout.id),
        ("Stable", _revision(record, rollout.base)),
        ("Candidate", _revision(record, rollout.candidate)),
        ("Started", f"{_time(rollout.created_at)} by {rollout.author}"),
        ("Reason", rollout.reason or "none was written"),
        ("Ended", _time(rollout.ended_at)),
        ("Attempt", str(rollout.attempt)),
        ("Pipeline run", rollout.run_id or ""),
        (
            "Exposed",
            f"{_count(rollout.exposed_requests)} requests, {rollout.exposed_bad:,} of them errors",
        ),
    ]
    if rollout.contract is not None:
        rows.append(("Contract", rollout.contract.message))
    return _pairs([(name, value) for name, value in rows if value])


def _revision(record: Record, number: int) -> str:
    label = f"r{number}"
    revision = next((each for each in record.revisions if each.revision == number), None)
    if revision is None:
        return label
    return f"{label}: {revision.model_id} {revision.model_version_id}, {revision.digest}"


def _plan(rollout: out.RolloutOut) -> Html:
    if not rollout.steps:
        return element("p", "No steps: a person sets each percent, or it is an undo.")
    rows = [
        (
            str(index),
            _candidate_traffic(step),
            step.until.replace("-", " "),
            lasts(step.bake_seconds),
            _state(rollout, index, step),
        )
        for index, step in enumerate(rollout.steps, start=1)
    ]
    return _table(("Step", "Candidate", "Until", "Bake", "State"), rows)


def _state(rollout: out.RolloutOut, index: int, step: out.StepOut) -> str:
    if rollout.outcome is not None and step.state == out.StepState.CURRENT:
        return "ended here"
    if rollout.outcome is not None and step.state == out.StepState.AHEAD:
        return "not reached"
    return step.state.value


def _candidate_traffic(step: out.StepOut) -> str:
    parts = [" and ".join(f"{each.name}: {each.value}" for each in step.match)]
    if step.mirror_percent:
        parts.append(f"{step.mirror_percent} % mirrored")
    if step.percent or not any(parts):
        parts.append(f"{step.percent} %")
    return ", ".join(part for part in parts if part)


def _margins(rollout: out.RolloutOut) -> Html:
    analysis = rollout.analysis
    words = [f"alpha {100 * analysis.alpha:g} % for the whole rollout"]
    for verdict in rollout.verdicts:
        numbers = verdict.evidence
        if verdict.allowed is not None:
            words.append(f"{verdict.metric}: {verdict.allowed:g} allowed")
        if numbers is None:
            continue
        if verdict.mean is not None:
            words.append(
                f"{verdict.metric}: fails above and passes below {verdict.mean.objective:g}"
            )
            continue
        beside = "stable"
        if numbers.objective is not None:
            beside = f"objective {100 * numbers.objective:g} %"
        fail = f"fails above {beside} + {100 * numbers.fail_margin:g} points"
        passes = ""
        if numbers.pass_margin is not None:
            passes = f", passes below {beside} + {100 * numbers.pass_margin:g} points"
        words.append(f"{verdict.metric}: {fail}{passes}, at least {numbers.min_requests} requests")
    return element("ul", *(element("li", each) for each in words))


def _traffic(record: Record) -> Html:
    if not record.series.shares:
        return element("p", "No samples are kept of this rollout.", class_="none")
    shares = record.series.shares
    rows = [
        (
            _clock(each.at),
            record.timeline.step(each.step),
            _percent(each.desired_percent),
            _percent(each.routed_percent),
            _percent(each.measured_percent),
            _count(each.measured_requests),
        )
        for each in _few(shares)
    ]
    table = _table(("UTC", "Step", "Desired", "Routed", "Measured", "Of requests"), rows)
    return join((evidence.traffic(record.timeline), _details(table)))


def _verdicts(rollout: out.RolloutOut) -> Html:
    rows = []
    for verdict in rollout.verdicts:
        word = element("span", verdict.verdict, class_=f"verdict {verdict.verdict}")
        rows.append((str(verdict.metric), word, verdict.message))
    if not rows:
        return element("p", "Nothing was judged.", class_="none")
    return _table(("Metric", "Verdict", "Counts"), rows)


def _means(record: Record, metric: out.MetricSeriesOut) -> Html:
    rows = [
        (
            _clock(each.at),
            record.timeline.step(each.step),
            each.verdict.value,
            _value(each.candidate_mean),
            _value(each.stable_mean),
            f"{each.log10_e_fail:.1f}",
            f"{each.log10_e_pass:.1f}",
        )
        for each in _few(metric.samples)
    ]
    names = ("UTC", "Step", "Verdict", "Candidate", "Stable", "log10 e fail", "log10 e pass")
    return _table(names, rows)


def _value(mean: float | None) -> str:
    if mean is None:
        return ""
    return f"{mean:.4g}"


def _metric(record: Record, metric: out.MetricSeriesOut) -> Iterator[Html]:
    samples = metric.samples
    if not any(each.candidate_requests or each.stable_requests for each in samples):
        return
    yield element("h3", str(metric.metric))
    passes = metric.can_pass
    mean = metric.mean_objective is not None
    if not passes and not any(each.candidate_bad or each.stable_bad for each in samples):
        yield element("p", "Neither revision had any.", class_="none")
        return
    yield element("h4", "Odds")
    yield evidence.odds(record.timeline, metric, passes=passes)
    if mean:
        yield element("h4", "Mean in the step")
        yield evidence.means(record.timeline, metric)
        yield _details(_means(record, metric))
        return
    yield element("h4", "Bad requests in the step")
    yield evidence.shares(record.timeline, metric)
    rows = [
        (
            _clock(each.at),
            record.timeline.step(each.step),
            each.verdict.value,
            f"{each.candidate_bad:,} of {each.candidate_requests:,}",
            f"{each.stable_bad:,} of {each.stable_requests:,}",
            f"{100 * each.difference_low:+.2f} to {100 * each.difference_high:+.2f}",
            f"{each.log10_e_fail:.1f}",
            f"{each.log10_e_pass:.1f}",
        )
        for each in _few(metric.samples)
    ]
    names = (
        "UTC",
        "Step",
        "Verdict",
        "Candidate bad",
        "Stable bad",
        "Points above stable",
        "log10 e fail",
        "log10 e pass",
    )
    yield _details(_table(names, rows))


def _ledger(entries: Sequence[out.EntryOut]) -> Html:
    if not entries:
        return element("p", "The ledger has no entry of this rollout.", class_="none")
    rows = [
        (str(each.seq), _time(each.at), each.actor, each.action, each.message) for each in entries
    ]
    return _table(("Entry", "When", "Who", "What", "Message"), rows)


def _head(record: Record) -> Html:
    head = record.head
    if head is None:
        return element("p", "The ledger could not be read.", class_="none")
    return join(
        (
            _pairs(
                [
                    ("Head of the chain", f"entry {head.seq} of {_time(head.at)}"),
                    ("Hash", head.hash),
                    ("Written", _time(record.made_at)),
                    ("Source", f"{record.source}/api/v1/rollouts/{record.rollout.id}"),
                ]
            ),
            element(
                "p",
                "Each entry's hash covers the one before it, so whoever keeps this hash can show "
                "later that nothing above was changed: `tidegate ledger verify`.",
            ),
        )
    )


def _details(table: Html) -> Html:
    return element("details", element("summary", "As a table"), table)


def _pairs(rows: Sequence[tuple[str, str]]) -> Html:
    cells = (part for name, value in rows for part in (element("dt", name), element("dd", value)))
    return element("dl", *cells)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    head = element("tr", *(element("th", name, scope="col") for name in names))
    lines = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    table = element("table", element("thead", head), element("tbody", *lines))
    return element("div", table, class_="wide")


def _few(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Some of many, the last among them."""
    if len(samples) <= ROWS:
        return samples
    step = (len(samples) - 1) / (ROWS - 1)
    return [samples[round(index * step)] for index in range(ROWS)]


def _time(at: datetime | None) -> str:
    if at is None:
        return "-"
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:g} %"


def _count(value: int) -> str:
    return f"{value:,}"
