"""Logs of pods as KFP streams them. Whose they are is not known before: a bounded part is read."""

import httpx2

TAIL = 64 * 1024  # bytes that are handed on: a step's last words are a line
LIMIT = 16 * 1024 * 1024  # bytes: a longer log is no step's, and is not read to its end


def end(answer: httpx2.Response) -> str:
    """The end of a log; "" where there is none, or one that is too long. Raises HTTPError."""
    if not answer.is_success:
        return ""
    tail = b""
    length = 0
    for chunk in answer.iter_bytes():
        tail = (tail + chunk)[-TAIL:]
        length += len(chunk)
        if length > LIMIT:
            return ""
    return tail.decode(errors="replace")
