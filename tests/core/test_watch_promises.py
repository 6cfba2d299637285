"""How often a watch undoes what it should not, and how long it takes to undo what it should.

docs/statistics.md has the figures of many more runs (`python -m tests.core.measure_watch`)."""

import pytest

from tests.core.watched import NEW, Rates, Seen, Watched

MINUTE = 60.0
RATES = (1.0, 10.0, 100.0)
NOISE = 0.3  # coefficient of variation per minute and revision
FEW = 2
MANY = 100


def steady(share: float) -> Rates:
    """Both revisions, always."""
    return lambda revision, now: share


def turned_bad(base: float, points: float) -> Rates:
    """The promoted revision answers with more errors, a minute after its promotion."""

    def share(revision: int, now: float) -> float:
        worse = revision == NEW and now > MINUTE
        return min(1.0, base + points * worse)

    return share


def outage(share: float) -> Rates:
    """Both revisions answer with errors, from a minute on."""
    return lambda revision, now: (0.005, share)[now > MINUTE]


def watches(rates: Rates, rate: float, record: float, count: int) -> list[Seen]:
    """That many watches by chance."""
    return [Watched(rates, rate, seed=seed, cv=NOISE).run(record) for seed in range(count)]


@pytest.mark.parametrize("base", [0.005, 0.02])
@pytest.mark.parametrize("rate", RATES)
def test_a_good_revision_is_not_even_compared(rate: float, base: float) -> None:
    seen = watches(steady(base), rate, base, FEW)
    assert not any(each.compared for each in seen)


@pytest.mark.long
@pytest.mark.parametrize("base", [0.005, 0.02])
@pytest.mark.parametrize("rate", RATES)
def test_hundreds_of_good_revisions(rate: float, base: float) -> None:
    seen = watches(steady(base), rate, base, MANY)
    assert not any(each.compared for each in seen)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("rate", RATES)
def test_a_shared_outage_is_told_and_undoes_nothing(rate: float, share: float) -> None:
    seen = watches(outage(share), rate, 0.005, FEW)
    assert not any(each.undone for each in seen)
    assert all(each.shared for each in seen)


@pytest.mark.long
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("rate", RATES)
def test_hundreds_of_shared_outages(rate: float, share: float) -> None:
    seen = watches(outage(share), rate, 0.005, MANY)
    assert sum(each.undone is not None for each in seen) <= MANY // 100


@pytest.mark.parametrize(
    ("points", "rate", "seconds"),
    [
        (1.0, 1.0, 600.0),
        (1.0, 10.0, 120.0),
        (1.0, 100.0, 60.0),
        (0.2, 10.0, 400.0),
        (0.2, 100.0, 150.0),
    ],
)
def test_what_turns_bad_is_undone(points: float, rate: float, seconds: float) -> None:
    for each in watches(turned_bad(0.005, points), rate, 0.005, 10):
        assert each.undone is not None
        assert each.undone - MINUTE <= seconds
        assert each.compared == 1


def test_an_old_stable_whose_record_was_as_bad_is_no_reason() -> None:
    seen = watches(steady(0.2), 10.0, 0.2, FEW)
    assert not any(each.compared for each in seen)
