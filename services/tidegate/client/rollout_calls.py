"""Calls about rollouts: start, act, follow."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.client.calling import PLAIN, Calls, Options, endpoint_path, of_run, part
from tidegate.schemas import responses as out


class RolloutCalls(Calls):
    """Calls about rollouts: start, act, follow."""

    def start_rollout(
        self,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        supersede: bool = False,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """Start the rollout of a candidate."""
        return self._change(
            out.RolloutChange,
            "POST",
            f"{endpoint_path(namespace, name)}/rollouts",
            body,
            options,
            supersede=supersede,
        )

    def rollouts(
        self,
        namespace: str,
        name: str,
        *,
        run_id: str | None = None,
        submission_id: str | None = None,
    ) -> Iterator[out.RolloutOut]:
        """Its rollouts, newest first; with a run_id those that this pipeline run started or acted
        on, with a submission_id those of any run that this submission began."""
        return self._pages(
            out.RolloutsPage.model_validate,
            f"{endpoint_path(namespace, name)}/rollouts",
            run_id=run_id,
            submission_id=submission_id,
        )

    def all_rollouts(
        self, namespace: str | None = None, *, running: bool = False
    ) -> Iterator[out.RolloutOut]:
        """Rollouts of every endpoint of a namespace, newest first; None: of all that the caller
        may view. running: only those that have not ended."""
        return self._pages(
            out.RolloutsPage.model_validate, "/rollouts", namespace=namespace, running=running
        )

    def series(self, rollout_id: str, *, points: int | None = None) -> out.SeriesOut:
        """A rollout over time: shares, and the evidence of each metric."""
        path = f"/rollouts/{part(rollout_id)}/series"
        return self._get(out.SeriesOut, path, points=points)

    def undo(
        self,
        namespace: str,
        name: str,
        *,
        to: int | None = None,
        reason: str = "",
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """End the running rollout, or go back to revision `to` (default: the last one that
        served well)."""
        body = of_run({"to": to, "reason": reason}, run_id)
        return self._change(
            out.RolloutChange, "POST", f"{endpoint_path(namespace, name)}/undo", body, options
        )

    def rollout(self, rollout_id: str) -> out.RolloutOut:
        """One rollout."""
        return self._get(out.RolloutOut, f"/rollouts/{part(rollout_id)}")

    def act(
        self,
        rollout_id: str,
        verb: str,
        *,
        reason: str = "",
        force: bool = False,
        step: int | None = None,
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """verb: pause, resume, promote, abort, approve, reject or retry. step: the number of the
        step that is approved, or answered by a promotion. run_id: of the pipeline run that asks."""
        path = f"/rollouts/{part(rollout_id)}/{part(verb)}"
        body = of_run({"reason": reason}, run_id)
        if step is not None:
            body["step"] = step
        return self._change(out.RolloutChange, "POST", path, body, options, force=force)

    def retry(
        self,
        rollout_id: str,
        *,
        reason: str = "",
        accept_breaking: bool = False,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """A new attempt of what did not get through; accept_breaking: of stable's contract."""
        body = {"reason": reason, "accept_breaking": accept_breaking}
        return self._change(
            out.RolloutChange, "POST", f"/rollouts/{part(rollout_id)}/retry", body, options
        )

    def heartbeat(self, rollout_id: str, *, release: bool = False) -> out.RolloutChange:
        """A pipeline's sign of life; release: its part is done."""
        return self._change(
            out.RolloutChange,
            "POST",
            f"/rollouts/{part(rollout_id)}/heartbeat",
            {"release": release},
            PLAIN,
        )

    def add_evidence(
        self, rollout_id: str, counts: Mapping[str, Any], options: Options = PLAIN
    ) -> out.RolloutChange:
        """Counts of your own experiment with an A/B."""
        return self._change(
            out.RolloutChange, "POST", f"/rollouts/{part(rollout_id)}/evidence", counts, options
        )
