"""Core values survive the way through jsonb."""

import json
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.intent import CandidateTraffic, EndpointKey, HeaderMatch, Intent, Mode, Scaling
from tidegate.core.rollout import Outcome, Pause, PauseKind, Progress, Rollout, StepProgress
from tidegate.core.strategy import ab, blue_green, canary, manual, shadow, undo
from tidegate.store.codec import canonical, dumps, loads

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
NUMBERS = st.integers(1, 99)
SHARES = st.integers(0, 99)
TRAFFICS = st.builds(
    CandidateTraffic,
    SHARES,
    st.lists(st.builds(HeaderMatch, NAMES, NAMES), max_size=2).map(tuple),
    SHARES,
    SHARES,
)
INTENTS = st.builds(
    Intent,
    st.builds(EndpointKey, NAMES, NAMES),
    NUMBERS,
    st.sampled_from(Mode),
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    TRAFFICS,
    st.lists(NUMBERS, max_size=2).map(tuple),
    st.builds(Scaling, NUMBERS, NUMBERS, st.booleans()),
    NAMES,
    NAMES,
)


@given(INTENTS)
def test_every_intent_is_read_back_as_it_was(intent: Intent) -> None:
    assert loads(Intent, json.loads(dumps(intent))) == intent


@pytest.mark.parametrize(
    "strategy", [canary(), ab(), blue_green(), shadow(), manual(), undo()], ids=lambda s: s.kind
)
def test_every_strategy_is_read_back_as_it_was(strategy: object) -> None:
    rollout = Rollout(
        "one", strategy, base=1, candidate=2, author="ann", reason="message", attempt=3
    )  # type: ignore[arg-type]
    assert loads(Rollout, json.loads(dumps(rollout))) == rollout


@given(st.floats(allow_nan=False), st.integers(0, 2**60))
def test_progress_keeps_every_float(number: float, count: int) -> None:
    counters = Counters(count, 0, ((number, count),), (("http 500", 1),))
    scrape = Scrape(number, (Reading("envoy@1", 2, counters),))
    progress = Progress(
        step=StepProgress(baked=number),
        outcome=Outcome.ABORTED,
        pause=Pause(PauseKind.PAUSED, "ann", "lunch"),
    )

    assert loads(Scrape, json.loads(dumps(scrape))) == scrape
    assert loads(Progress, json.loads(dumps(progress))) == progress


def test_the_largest_float_comes_back_although_jsonb_writes_it_as_an_integer() -> None:
    assert (
        loads(Scrape, {"at": int(1.7976931348623157e308), "readings": []}).at
        == 1.7976931348623157e308
    )


def test_what_json_cannot_hold_is_written_in_words_that_can_be_read_back() -> None:
    assert dumps({"low": -math.inf}) == '{"low":"-Infinity"}'
    assert math.isnan(loads(Scrape, json.loads(dumps(Scrape(math.nan, ())))).at)


def test_what_postgres_cannot_hold_is_replaced() -> None:
    assert canonical({"log": "a\x00b\ud800c"}) == '{"log":"a\ufffdb\ufffdc"}'


@dataclass(frozen=True, slots=True)
class Newer:
    """A value as the next release may know it."""

    answers: int
    errors: int
    added: str = "default"


def test_old_and_new_releases_read_each_others_values() -> None:
    old = Counters(5, 1)
    assert loads(Newer, json.loads(dumps(old))) == Newer(5, 1)
    assert loads(Counters, json.loads(dumps(Newer(5, 1, "more")))) == old
