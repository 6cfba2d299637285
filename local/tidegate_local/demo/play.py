"""The demo itself: acts in order, each with what must come of it; what did not come makes it
fail."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tidegate.client import Client
from tidegate.core.errors import TidegateError
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData, Unresolved
from tidegate.schemas.responses import EndpointOut, EntryOut, RolloutOut
from tidegate.staging.importer import import_model
from tidegate.staging.sources import Access, S3Access
from tidegate_local.demo import acts, counts
from tidegate_local.demo.acts import Act
from tidegate_local.demo.report import Report
from tidegate_local.plane.link import Remote

_INTERVAL_S = 0.2
Answer = TypeVar("Answer", EndpointOut, RolloutOut)
_ENDED = ("promoted", "aborted", "kept-stable", "superseded")


class DemoError(TidegateError):
    """Something did not happen that must."""


@dataclass(slots=True)
class Stage:
    """What the demo plays on. say: one line for the audience."""

    client: Client
    remote: Remote
    plane: dict[str, Any]
    examples: Path
    folder: Path
    mode: str
    say: Callable[[str], None]
    key: EndpointKey
    report: Report = field(default_factory=Report)
    bad: counts.Totals = field(default_factory=dict)  # by revision, also of those that are gone

    @property
    def endpoint(self) -> tuple[str, str]:
        """As the client wants it."""
        return self.key.namespace, self.key.name

    def totals(self) -> counts.Totals:
        """Answers by revision, as Envoy counted them."""
        scrape = self.remote.scrape(self.key)
        if isinstance(scrape, NoData):
            return {}
        self.bad |= counts.bad(scrape)
        return counts.totals(scrape)


def play(stage: Stage) -> None:
    """All acts. Raises DemoError at the first thing that does not happen."""
    _models(stage)
    address = _deploy(stage)
    with _load(stage, address) as load:
        _rollout(stage, acts.FIRST)
        for act in acts.BAD:
            _rollout(stage, act)
        _rollout(stage, acts.SECOND)
        _undo(stage)
    stage.totals()
    _reckon(stage, load, stage.bad)
    _history(stage)


def _models(stage: Stage) -> None:
    """Import each version into S3 under its digest, and register it."""
    access = Access(True, S3Access(stage.plane["s3_url"], "us-east-1", "local", "local"))
    store = f"s3://{stage.plane['bucket']}/add_sub"
    stage.client.create_model("add_sub", "adds and subtracts, for the demo")
    versions = {"1": stage.examples / "model-repository"}
    versions |= {
        act.version: stage.examples / "variants" / act.version
        for act in (acts.FIRST, *acts.BAD, acts.SECOND)
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
    serving = _until(lambda: stage.client.endpoint(*stage.endpoint), _is_ready, 120, "r1 to serve")
    url = serving.urls[0]
    stage.say(f"r1 serves at {url}")
    return urlsplit(url).netloc


def _is_ready(endpoint: EndpointOut) -> bool:
    return endpoint.phase == "ready" and bool(endpoint.urls)


def _is_over(rollout: RolloutOut) -> bool:
    return rollout.outcome in _ENDED


@contextmanager
def _load(stage: Stage, address: str) -> Iterator[Path]:
    """Steady requests until the block ends; HTTP and gRPC in standard mode, HTTP in knative
    mode."""
    protocols = "http,http,http"
    if stage.mode == "standard":
        protocols = "http,http,grpc"
    report = stage.folder / "load.json"
    command = [
        sys.executable,
        "-m",
        "tidegate_local.demo.load",
        "--url",
        address,
        "--report",
        str(report),
    ]
    process = subprocess.Popen([*command, "--protocols", protocols])
    stage.say(f"steady load: 500 requests per second by tritonclient ({protocols})")
    try:
        yield report
    finally:
        process.terminate()
        process.wait(timeout=60)


def _rollout(stage: Stage, act: Act) -> None:
    stage.say("")
    stage.say(f"── {act.title}: rollout of {act.version}")
    body = {
        "strategy": "canary",
        "model_version_id": act.version,
        "steps": list(act.steps),
        "bake_seconds": 2,
        "analysis": {"metrics": acts.METRICS, "noise_window_seconds": acts.NOISE_WINDOW_S},
        "accept_breaking": act.accept_breaking,
        "reason": act.title,
    }
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

    ended = _until(observe, _is_over, 180, f"{act.version} to end")
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
    before = _stable(stage.client.endpoint(*stage.endpoint))
    started = stage.client.undo(*stage.endpoint, reason="it was only a demo")
    began = time.monotonic()

    ended = _until(lambda: stage.client.rollout(started.id), _is_over, 120, "the undo to end")
    spent = time.monotonic() - began
    endpoint = stage.client.endpoint(*stage.endpoint)
    after = _stable(endpoint)
    stage.report.undo(before, after, spent)
    routed = "no route"
    if endpoint.traffic.routed:
        routed = endpoint.traffic.routed.text
    stage.say(f"   r{before} → r{after} in {spent:.1f} s: {routed}")
    if ended.outcome != "promoted" or after == before:
        raise DemoError(f"the undo ended as {ended.outcome}: {ended.outcome_message}")


def _stable(endpoint: EndpointOut) -> int:
    if endpoint.stable is None:
        raise DemoError(f"{endpoint.name} has no stable revision: {endpoint.message}")
    return endpoint.stable.revision


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
        if entry.action in ("promote", "abort", "promoted", "aborted", "explain"):
            stage.say(f"   {entry.at:%H:%M:%S}  {entry.action:<9} {entry.message}")
    verified = stage.client.verify_ledger()
    stage.report.ledger(verified)
    stage.say(
        f"   ledger: {verified.entries} entries, "
        + ("chain intact" if verified.intact else "BROKEN")
    )
    if not verified.intact:
        raise DemoError(f"the ledger's chain is broken: {verified.broken}")


def _until(
    observe: Callable[[], Answer], done: Callable[[Answer], bool], seconds: float, what: str
) -> Answer:
    deadline = time.monotonic() + seconds
    while True:
        answer = observe()
        if done(answer):
            return answer
        if time.monotonic() > deadline:
            raise DemoError(f"waited {seconds:.0f} s for {what}; now: {_now(answer)}")
        time.sleep(_INTERVAL_S)


def _now(answer: EndpointOut | RolloutOut) -> str:
    if isinstance(answer, EndpointOut):
        return answer.message or answer.phase
    return answer.awaits or answer.phase
