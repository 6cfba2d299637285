"""`build/demo-report.json`: what the demo measured, for machines."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate.schemas.responses import EntryOut, LedgerState, RolloutOut
from tidegate_local.demo import counts
from tidegate_local.demo.acts import Act


@dataclass(slots=True)
class Report:
    """Filled act by act; written at the end, also of a demo that failed."""

    rollouts: list[dict[str, Any]] = field(default_factory=list)
    causes: dict[str, int] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)

    def rollout(
        self,
        act: Act,
        ended: RolloutOut,
        steps: counts.Steps,
        totals: counts.Totals,
        entries: list[EntryOut],
    ) -> float | None:
        """Note one rollout; seconds from the verdict to 0 % as read back from Envoy, None if it was
        promoted."""
        verdicts = {v.metric: {"verdict": v.verdict, "message": v.message} for v in ended.verdicts}
        aborted = ended.outcome == "aborted"
        took = None
        if aborted:
            took = _seconds(entries)
        noted = {
            "title": act.title,
            "version": act.version,
            "candidate": ended.candidate,
            "outcome": ended.outcome,
            "message": ended.outcome_message,
            "steps": [
                {"desired_percent": p, "routed_percent": split.percent, "requests": split.all}
                for p, split in sorted(steps.splits.items())
            ],
            "verdicts": verdicts,
        }
        if aborted:
            noted["requests_exposed"] = totals.get(ended.candidate, 0)
            noted["seconds_from_verdict_to_zero"] = took
        self.rollouts.append(noted)
        return took

    def undo(self, before: int, after: int, seconds: float) -> None:
        """Note the undo."""
        self.rest["undo"] = {"from": before, "to": after, "seconds": round(seconds, 2)}

    def watched(self, before: int, after: int, seconds: float, requests: int) -> None:
        """Note what the watch undid by itself. requests: that its revision answered in all."""
        self.rest["watch"] = {
            "from": before,
            "to": after,
            "seconds": round(seconds, 2),
            "requests": requests,
        }

    def load(self, path: Path, bad: counts.Totals) -> tuple[int, int, int]:
        """Note what the clients saw; (sent, failed, failed that no revision answered badly)."""
        seen = json.loads(path.read_text())
        self.causes = seen["failed"]
        sent = sum(seen["sent"].values())
        failed = sum(seen["failed"].values())
        lost = max(failed - sum(bad.values()), 0)
        self.rest["requests"] = {
            "sent": sent,
            "failed": failed,
            "by_cause": self.causes,
            "lost": lost,
        }
        self.rest["bad_answers_by_revision"] = {
            f"r{number}": count for number, count in sorted(bad.items()) if count
        }
        return sent, failed, lost

    def ledger(self, verified: LedgerState) -> None:
        """Note the check of the chains."""
        self.rest["ledger"] = {"intact": verified.intact, "entries": verified.entries}

    def write(self, path: Path, mode: str, failure: str | None, seconds: float) -> None:
        """Write everything."""
        body = {
            "mode": mode,
            "ok": failure is None,
            "failure": failure,
            "seconds": round(seconds, 1),
            "rollouts": self.rollouts,
            **self.rest,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=2) + "\n")


def _seconds(entries: list[EntryOut]) -> float | None:
    """From the newest `abort` to the newest `aborted`: the second is written once the route was
    read back, acknowledged by Envoy, without a share for the candidate."""
    at: dict[str, datetime] = {}
    for entry in entries:  # newest first
        if entry.action in ("abort", "aborted"):
            at.setdefault(entry.action, entry.at)
    if len(at) != 2:
        return None
    return (at["aborted"] - at["abort"]).total_seconds()
