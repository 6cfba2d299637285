"""Which scrapes count toward what."""

from dataclasses import replace

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.evidence import Arm, Counters, Evidence, Reading, Scrape
from tidegate.core.gathering import gather
from tidegate.core.observation import Live, Observation
from tidegate.core.rollout import Judgement, Progress, Rollout, Routed, StepProgress

ROLLOUT = Rollout("ro-1", strategy.canary(), 1, 2, "ann")
HEALTHY = seen(split(10), r1=1, r2=1)


def scrape(at: float, answers: int) -> Scrape:
    """Both revisions answered that often since they began, all well."""
    return Scrape(
        at, tuple(Reading("envoy", revision, Counters(answers, 0)) for revision in (1, 2))
    )


def after(
    *scrapes: Scrape, observation: Observation = HEALTHY, progress: Progress | None = None
) -> Progress:
    """The progress after these scrapes under the same observation."""
    now = progress or Progress(step=StepProgress(index=0), routed=Routed(traffic=split(10)))
    for item in scrapes:
        now = gather(ROLLOUT, now, intent(10), observation, item)
    return now


def counted(progress: Progress) -> tuple[int, int]:
    """Candidate answers of the rollout (toward fail) and of the step (toward pass)."""
    track = progress.analysis.evidence.tracks[0]
    return track.rollout.candidate.n, track.step.candidate.n


def test_the_first_scrape_is_the_base_line() -> None:
    assert counted(after(scrape(100, 50))) == (0, 0)
    assert counted(after(scrape(100, 50), scrape(105, 80))) == (30, 30)


def test_a_metric_that_an_older_version_did_not_track_is_tracked_from_now_on() -> None:
    errors, *_ = ROLLOUT.strategy.metrics
    before = Progress(
        step=StepProgress(index=0),
        routed=Routed(traffic=split(10)),
        analysis=Judgement(evidence=Evidence.start((errors,))),
    )
    progress = after(scrape(100, 50), scrape(105, 80), progress=before)
    tracks = progress.analysis.evidence.tracks
    assert tuple(track.metric for track in tracks) == ROLLOUT.strategy.metrics
    assert [track.rollout.candidate.n for track in tracks if not track.metric.every_bucket] == [
        30,
        30,
        30,
    ]


def test_while_stable_is_dead_answers_count_toward_fail_only() -> None:
    dead = seen(split(10), r1=0, r2=1)
    assert counted(after(scrape(100, 50), scrape(105, 80), observation=dead)) == (30, 0)


def test_a_stable_scaled_to_zero_is_not_dead() -> None:
    idle = Observation((Live(1, 0, 0, idle=True), Live(2, 1, 1)), split(10), settled=True)
    assert counted(after(scrape(100, 50), scrape(105, 80), observation=idle)) == (30, 30)


def test_an_interval_in_which_the_split_changed_counts_nothing() -> None:
    moved = after(
        scrape(100, 50),
        scrape(105, 80),
        progress=Progress(step=StepProgress(index=0), routed=Routed(traffic=split(5))),
    )
    assert counted(moved) == (0, 0)


def test_nothing_counts_before_the_candidate_is_with_candidate() -> None:
    assert counted(
        after(scrape(100, 50), scrape(105, 80), progress=Progress(routed=Routed(traffic=split(10))))
    ) == (
        0,
        0,
    )
    other = replace(intent(10), candidate=9)
    assert gather(ROLLOUT, Progress(), other, HEALTHY, scrape(100, 50)) == Progress()


def shadowed(at: float, live: int, copied: int) -> Scrape:
    """Stable answered `live` times over each protocol; the candidate `live` live requests and
    `copied` copies."""
    answers = Counters(live, 0)
    readings = (Reading("e/http", 1, answers, "http"), Reading("e/grpc", 1, answers, "grpc"))
    mirrored = (Reading("e/http--mirror", 2, Counters(copied, copied), "http"),)
    return Scrape(at, (*readings, Reading("e/http", 2, answers, "http")), mirrored)


def test_copies_count_for_a_shadow_beside_what_stable_answered_over_the_same_protocol() -> None:
    rollout = Rollout("ro-1", strategy.shadow(), 1, 2, "ann")
    now = Progress(step=StepProgress(index=0), routed=Routed(traffic=split(10)))
    for item in (shadowed(100, 50, 5), shadowed(105, 80, 15)):
        now = gather(rollout, now, intent(10), HEALTHY, item)
    track, *_ = now.analysis.evidence.tracks
    assert (track.rollout.candidate, track.rollout.stable) == (Arm(10, 10), Arm(30, 0))
    assert now.analysis.evidence.split.candidate == Arm(10, 10)


def test_copies_never_count_for_anything_else() -> None:
    track, *_ = after(shadowed(100, 50, 5), shadowed(105, 80, 15)).analysis.evidence.tracks
    assert (track.rollout.candidate, track.rollout.stable) == (Arm(30, 0), Arm(60, 0))


def test_copies_that_miss_one_scrape_do_not_count_twice() -> None:
    rollout = Rollout("ro-1", strategy.shadow(), 1, 2, "ann")
    now = Progress(step=StepProgress(index=0), routed=Routed(traffic=split(10)))
    gap = replace(shadowed(105, 60, 0), copies=())
    for item in (shadowed(100, 50, 5), gap, shadowed(110, 80, 15)):
        now = gather(rollout, now, intent(10), HEALTHY, item)
    assert counted(now) == (10, 10)


def test_a_scrape_that_comes_late_is_ignored_but_a_clock_put_back_is_a_new_base_line() -> None:
    seconds_late = after(scrape(1000, 50), scrape(1005, 80), scrape(1002, 70))
    assert counted(seconds_late) == (30, 30)
    put_back = after(scrape(1000, 50), scrape(1005, 80), scrape(405, 90), scrape(410, 100))
    assert counted(put_back) == (40, 40)
