"""What ends a task: one line that says why, and the exit code."""


class StepFailed(Exception):  # noqa: N818  (what happened, not a bug)
    """The task failed; the message is the line that people read."""


class UsageError(StepFailed):
    """A flag that is missing or does not fit, in one line."""
