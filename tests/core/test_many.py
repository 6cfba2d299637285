"""The bench's tests over many rollouts at once say what the product's tests say."""

import importlib

import numpy as np
import pytest

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, Block
from tidegate.core.verdicts import Track, weigh

many = importlib.import_module("bench.many")


@pytest.mark.parametrize(("rate", "size"), [(0.02, 300), (0.3, 2000)])
def test_the_same_blocks_have_the_same_evidence(rate: float, size: int) -> None:
    rng = np.random.default_rng(7)
    runs = 3
    failing = many.Failing(runs)
    passing = many.Passing(runs)
    tracks = [Track(Metric(MetricKind.ERRORS))] * runs
    at = 0.0
    for interval in range(30):
        nc = rng.binomial(size, 0.2, runs)
        ns = size - nc
        yc = rng.binomial(nc, rate * (1 + interval % 3))
        ys = rng.binomial(ns, rate)
        fail = failing.take(at, many.Blocks(nc, yc, ns, ys))
        passes = passing.take(at, many.Blocks(nc, yc, ns, ys))
        for run in range(runs):
            candidate = Arm(int(nc[run]), int(yc[run]))
            stable = Arm(int(ns[run]), int(ys[run]))
            tracks[run] = weigh(tracks[run], Block(candidate, stable, 20.0), True)
        at += 20.0
        assert fail == pytest.approx([track.fail.log_e for track in tracks])
        assert passes == pytest.approx([track.passing.log_e for track in tracks])
