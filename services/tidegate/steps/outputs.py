"""Output parameters as a pipeline wants them: one file each, its folder made."""

import argparse
from pathlib import Path

from tidegate.schemas import responses as out
from tidegate.steps import reading


def write(args: argparse.Namespace, **result: object) -> None:
    """Those of the values that the command was given a path for."""
    for name, value in result.items():
        path = getattr(args, f"out_{name}", "")
        if path:
            file = Path(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(value), encoding="utf-8")


def of_rollout(args: argparse.Namespace, rollout: out.RolloutOut, base_url: str) -> None:
    """What every task of a rollout hands on."""
    write(
        args,
        phase=rollout.phase,
        routed_percent=reading.observed(rollout),
        verdict=reading.verdict(rollout),
        rollout_url=reading.url(rollout, base_url),
        rollout_id=rollout.id,
    )
