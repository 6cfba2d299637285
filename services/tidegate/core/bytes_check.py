"""The check of changed bytes: a mutable model is read again before its candidate gets more requests
or copies.

What cannot change, or cannot be read from the worker, holds nobody: the candidate was loaded from
it, so a store that is away must not stop its rollout.
"""

from dataclasses import replace

from tidegate.core.checks import BytesCheck, BytesUnread, Checks
from tidegate.core.intent import Intent, Revision
from tidegate.core.ports import Resolved
from tidegate.core.rollout import Decision, Progress
from tidegate.core.shown_address import shown_address

READ_AGAIN_S = 2.0  # between reconciles while a model is being read


def missing(candidate: Revision | None, intent: Intent, checks: Checks) -> BytesCheck | None:
    """Return the check that a rise of this candidate needs, None where it needs none or has its
    answer."""
    if candidate is None or not candidate.model.mutable or candidate.adopted is not None:
        return None
    if candidate.number in checks.bytes:
        return None
    return BytesCheck(intent.key, intent.generation, candidate)


def unread(candidate: Revision | None, checks: Checks) -> bool:
    """Whether the candidate's bytes are still being read."""
    return candidate is not None and isinstance(checks.bytes.get(candidate.number), BytesUnread)


def changed(candidate: Revision | None, checks: Checks) -> str:
    """How the bytes of a mutable model changed since its revision was made; '' where they did
    not."""
    if candidate is None:
        return ""
    read = checks.bytes.get(candidate.number)
    if not isinstance(read, Resolved) or read.digest == candidate.model.digest:
        return ""
    return (
        f"the bytes at {shown_address(candidate.model.uri)} changed since {candidate.label} "
        "was made "
        f"({candidate.model.digest[:19]} is now {read.digest[:19]}): "
        "register them as a version of their own"
    )


def wait(candidate: Revision, before: Progress, now: float) -> Decision:
    """The decision while the bytes are being read: no step, and no action consumed."""
    place = shown_address(candidate.model.uri)
    message = (
        f"{candidate.label} waits: its bytes at {place} may have changed and are being read again"
    )
    return Decision(replace(before, message=message), message, now + READ_AGAIN_S)
