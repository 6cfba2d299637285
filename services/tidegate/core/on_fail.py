"""What follows when a metric fails, as the plan says."""

from enum import StrEnum


class OnFail(StrEnum):
    """The closed set of what may follow."""

    ABORT = "abort"  # all traffic back to stable
    PAUSE = "pause"  # no more for the candidate until a person resumes
    NOTIFY = "notify"  # a condition and an alert; traffic goes on, and nothing waits for the metric
