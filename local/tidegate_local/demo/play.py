"""The demo itself: acts in order, each with what must come of it; what did not come makes it
fail."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tidegate.core.ports import Unresolved
from tidegate.schemas.responses import EndpointOut, EntryOut, RolloutOut
from tidegate.staging.importer import import_model
from tidegate.staging.sources import Access, S3Access
from tidegate_local.demo import acts, counts, turning_bad
from tidegate_local.demo.acts import Act
from tidegate_local.demo.clients import sending
from tidegate_local.demo.stage import DemoError, Stage, stable_of, until

# Actions of the history that the demo tells
_SHOWN = ("promote", "abort", "promoted", "aborted", "explain", "watch")
_ENDED = ("promoted", "aborted", "kept-stable", "superseded")


def play(stage: Stage) -> None:
    """All acts. Raises DemoError at the first thing that does not happen."""
    _models(stage)
    address = _deploy(stage)
    with sending(stage, address) as clients:
        _rollout(stage, acts.FIRST)
        for act in acts.BAD:
            _rollout(stage, act)
        _rollout(stage, acts.SECOND)
        _undo(stage)
        _rollout(stage, acts.LATER)
        turning_bad.play(stage, clients)
    stage.totals()
    _reckon(stage, clients.report, stage.bad)
    _history(stage)


def _models(stage: Stage) -> None:
    """Import each version into S3 under its digest, and register it."""
    access = Access(True, S3Access(stage.plane["s3_url"], "us-east-1", "local", "local"))
    store = f"s3://{stage.plane['bucket']}/add_sub"
    stage.client.create_model("add_sub", "adds and subtracts, for the demo")
    versions = {"1": stage.examples / "model-repository"}
    versions |= {
        act.version: stage.examples / "variants" / act.version
        for act in (acts.FIRST, *acts.BAD, acts.SECOND, acts.LATER)
    }
    for version, folder in versions.items():
        imported = import_model(folder.resolve().as_uri(), store, access)
        if isinstance(imported, Unresolved):
            raise DemoError(f"cannot import {folder}: {imported.detail}")
        stage.client.create_version("add_sub", version, imported.uri)
    stage.say(f"{len(versions)} model versions imported into {store}/sha256-...")


def _deploy(stage: Stage) -> str:
    made = stage.client.create_endpoint(acts.payload(stage.mode))
    stage.say(f"POST /api/v1/endpoints: {made.namespace}/{made.name} in {made.mode} mode")
    for warning in made.warnings:
        stage.say(f"  note: {warning}")
    serving = until(lambda: stage.client.endpoint(*stage.endpoint), _is_ready, 120, "r1 to serve")
    url = serving.urls[0]
    stage.say(f"r1 serves at {url}")
    return urlsplit(url).netloc


def _is_ready(endpoint: EndpointOut) -> bool:
    return endpoint.phase == "ready" and bool(endpoint.urls)


def _is_over(rollout: RolloutOut) -> bool:
    return rollout.outcome in _ENDED


def _rollout(stage: Stage, act: Act) -> None:
    stage.say("")
    stage.say(f"── {act.title}: rollout of {act.version}")
    body: dict[str, object] = {
        "strategy": "canary",
        "model_version_id": act.version,
        "steps": list(act.steps),
        "bake_seconds": 2,
        "analysis": {"metrics": acts.METRICS, "noise_window_seconds": acts.NOISE_WINDOW_S},
        "accept_breaking": act.accept_breaking,
        "reason": act.title,
    }
    if act.watched:
        body["on_watch_fail"] = "undo"
    started = stage.client.start_rollout(*stage.endpoint, body)
    steps = counts.Steps(started.candidate)
    teller = Teller(stage.say, steps)

    def observe() -> RolloutOut:
        now = stage.client.rollout(started.id)
        percent = None
        if now.desired_percent == now.routed_percent:
            percent = now.desired_percent
        steps.observe(percent, stage.totals())
        teller.tell(now)
        return now

    ended = until(observe, _is_over, 180, f"{act.version} to end")
    _check(stage, act, ended, steps)


class Teller:
    """One line when a rollout begins to stand at a percent, one with the measured split when it
    leaves it."""

    def __init__(self, say: Callable[[str], None], steps: counts.Steps) -> None:
        self._say = say
        self._steps = steps
        self._at: int | None = None
        self._phase = ""

    def tell(self, now: RolloutOut) -> None:
        """Say what changed."""
        percent = None
        if now.phase == "progressing":
            percent = now.desired_percent
        if percent != self._at:
            split = None
            if self._at is not None:
                split = self._steps.splits.get(self._at)
            if split is not None and split.percent is not None:
                self._say(
                    f"     desired {self._at:>2} %, measured {split.percent:4.1f} % of {split.all} "
                    "requests"
                )
            self._at = percent
        if now.phase != self._phase and now.phase in ("starting", "aborting", "promoting"):
            self._phase = now.phase
            self._say(f"   {self._phase}: {now.awaits}")


def _check(stage: Stage, act: Act, ended: RolloutOut, steps: counts.Steps) -> None:
    rows = [
        verdict
        for verdict in ended.verdicts
        if verdict.allowed is None or verdict.verdict != "pass"
    ]
    verdicts = "; ".join(verdict.message for verdict in rows)
    sign = "✖"
    if ended.outcome == "promoted":
        sign = "✔"
    stage.say(f"   {sign} {ended.outcome}: {ended.outcome_message}")
    took = stage.report.rollout(act, ended, steps, stage.totals(), _entries(stage))
    if took is not None:
        exposed = stage.totals().get(ended.candidate, 0)
        stage.say(f"   {exposed} requests exposed; from the verdict to 0 % at Envoy {took:.2f} s")
    if ended.outcome != act.outcome:
        raise DemoError(f"{act.version} was {ended.outcome}, expected {act.outcome}: {verdicts}")
    if act.outcome == "promoted":
        stage.say(f"   {verdicts}")
        missing = [p for p in act.steps if p not in steps.splits]
        if missing:
            raise DemoError(f"no traffic was measured at {missing} %")


def _undo(stage: Stage) -> None:
    stage.say("")
    stage.say("── undo: back to the version before")
    before = stable_of(stage.client.endpoint(*stage.endpoint))
    started = stage.client.undo(*stage.endpoint, reason="it was only a demo")
    began = time.monotonic()

    ended = until(lambda: stage.client.rollout(started.id), _is_over, 120, "the undo to end")
    spent = time.monotonic() - began
    endpoint = stage.client.endpoint(*stage.endpoint)
    after = stable_of(endpoint)
    stage.report.undo(before, after, spent)
    routed = "no route"
    if endpoint.traffic.routed:
        routed = endpoint.traffic.routed.text
    stage.say(f"   r{before} → r{after} in {spent:.1f} s: {routed}")
    if ended.outcome != "promoted" or after == before:
        raise DemoError(f"the undo ended as {ended.outcome}: {ended.outcome_message}")


def _reckon(stage: Stage, load: Path, bad: counts.Totals) -> None:
    """Every failed request must be an answer of a bad revision: none is lost by us."""
    sent, failed, lost = stage.report.load(load, bad)
    stage.say("")
    stage.say(
        f"── {sent} requests sent, {failed} failed, of which {failed - lost} were answers of bad "
        "revisions"
    )
    for cause, number in sorted(stage.report.causes.items()):
        stage.say(f"   {number:>5}  {cause}")
    if lost > 0:
        raise DemoError(f"{lost} requests failed that no bad revision answered")


def _entries(stage: Stage) -> list[EntryOut]:
    return stage.client.history(*stage.endpoint, page_size=100).ledger


def _history(stage: Stage) -> None:
    stage.say("")
    stage.say("── what was decided, why, on which counts")
    for entry in reversed(_entries(stage)):
        if entry.action in _SHOWN:
            stage.say(f"   {entry.at:%H:%M:%S}  {entry.action:<9} {entry.message}")
    verified = stage.client.verify_ledger()
    stage.report.ledger(verified)
    stage.say(
        f"   ledger: {verified.entries} entries, "
        + ("chain intact" if verified.intact else "BROKEN")
    )
    if not verified.intact:
        raise DemoError(f"the ledger's chain is broken: {verified.broken}")
