"""Which releases of KFP take the templates.

Each task's address and token come from a ConfigMap and a Secret that are optional. KFP knows that
word in a template's second document since 2.15.0 (`kubernetes_executor_config.proto`); an older one
takes the upload and answers 500 to each run.
"""

import re

from tidegate.core.errors import TidegateError
from tidegate.template_service.kfp import OLDEST, Kfp

_RELEASE = re.compile(r"v?(\d+)\.(\d+)(?:[.-].*)?")


class KfpTooOldError(TidegateError):
    """This KFP does not take the templates; nothing was sent. The message has the remediation."""

    def __init__(self, url: str, release: str) -> None:
        super().__init__(
            f"KFP at {url} is {release}, and the templates need {OLDEST} or newer (an older one "
            "fails each run: it does not know that a task's ConfigMap and Secret may be optional); "
            f"nothing was sent: upgrade KFP to {OLDEST} or newer"
        )


def check_release(kfp: Kfp) -> None:
    """Raises KfpTooOldError; KfpError where KFP does not answer. A build that does not say its
    release passes."""
    release = kfp.health().release
    if known(release) and _numbers(release) < _numbers(OLDEST):
        raise KfpTooOldError(kfp.url, release)


def known(release: str) -> bool:
    """Whether a tag names a release: `2.17.0` and `v2.15.0-rc.1` do, `unknown` does not."""
    return _RELEASE.fullmatch(release) is not None


def _numbers(release: str) -> tuple[int, int]:
    match = _RELEASE.fullmatch(release)
    assert match is not None, "a known release"
    return int(match[1]), int(match[2])
