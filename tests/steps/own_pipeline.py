"""Compiled by the Python that has kfp: two rollouts at one endpoint in one run, and a way back."""

import sys

from kfp import compiler, dsl

from tidegate.kfp import rollout

QUICK = {
    "percents": [50],
    "bake_seconds": 1,
    "pass_margin": 0.05,
    "noise_window_seconds": 1,
    "ready_seconds": 60,
}


@dsl.pipeline(name="twice-and-back")
def twice_and_back(endpoint: str, first: str, second: str) -> str:
    canary = rollout(endpoint=endpoint, model_version=first, **QUICK)
    another = rollout(endpoint=endpoint, model_version=second, **QUICK).after(canary)
    back = rollout(template="rollout-undo", endpoint=endpoint, reason="it was a try").after(another)
    return back.outputs["phase"]


if __name__ == "__main__":
    compiler.Compiler().compile(twice_and_back, sys.argv[1])
