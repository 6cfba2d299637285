"""What a caller with a token may put into a run that KFP starts with the service's own rights.

Every task gets the token of its namespace, which may move traffic. So it is not for the caller to
say which program reads it, where it is sent, or as which ServiceAccount the pods run; for
administrators of every namespace it is. Users of a trusted proxy are no concern of this module: KFP
is asked in their name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.access import Role
from tidegate.core.allowed import check_account
from tidegate.core.errors import VALUE_LIMIT, Problem, Remediation
from tidegate.core.shown_address import shown_address
from tidegate.template_service.callers import Caller
from tidegate.template_service.rendering import Rendered
from tidegate.web.access import Forbidden
from tidegate.web.problems import ApiError, listed

_ADDRESS = "service_url"
_ACCOUNT = "service_account"
_OUT = "or have an administrator of every namespace do it"


@dataclass(frozen=True, slots=True)
class Installed:
    """What the installation runs. image: of every task. url: of the deployment-service."""

    image: str
    url: str


def check_image(caller: Caller, installed: Installed, image: str | None) -> None:
    """Raises ApiError (403) for an image of the caller's own."""
    if not caller.proxied:
        _demand(caller, tuple(_image(installed, image)))


def check_run(
    caller: Caller,
    installed: Installed,
    made: Rendered,
    image: str | None,
    account: str,
    place: str | None,
) -> None:
    """Raises ApiError (403) with everything that the caller may not choose. place: of the run;
    None: KFP's own namespace, which is no tenant with a list."""
    if not caller.proxied:
        problems = (
            *_image(installed, image),
            *_address(installed, made),
            *_account(caller, account, place),
        )
        _demand(caller, problems)


def _image(installed: Installed, image: str | None) -> Iterator[Problem]:
    if image and image != installed.image:
        yield Problem(
            "image",
            *_refusal("image", image, f"{installed.image!r}, the installation's (TIDEGATE_IMAGE)"),
        )


def _address(installed: Installed, made: Rendered) -> Iterator[Problem]:
    parameter = made.entry.parameter(_ADDRESS)
    value = made.given.get(_ADDRESS)
    if parameter is not None and value and value not in (parameter.default, installed.url):
        yield Problem(
            _ADDRESS,
            *_refusal(
                _ADDRESS,
                value,
                f"{shown_address(installed.url)!r}, the installation's (TIDEGATE_URL)",
            ),
        )


def _account(caller: Caller, account: str, place: str | None) -> Iterator[Problem]:
    if not account:
        return
    if place is None:
        rule = "in a KFP of one user runs share its namespace, and so its ServiceAccounts"
        yield Problem(
            _ACCOUNT, f"{account!r} may not be named: {rule}", Remediation(f"leave it out, {_OUT}")
        )
        return
    assert caller.accounts is not None, "a caller with a token"
    yield from check_account(place, _ACCOUNT, account, caller.accounts(place))


def _refusal(field: str, value: str, known: str) -> tuple[str, Remediation]:
    rule = f"the tasks of a run hold the token of its namespace, so its {field} is {known}"
    return f"{value[:VALUE_LIMIT]!r} may not be chosen: {rule}", Remediation(
        f"leave it out, {_OUT}"
    )


def _demand(caller: Caller, problems: Sequence[Problem]) -> None:
    """The deployment-service is asked only where there is something to refuse: it records its
    no."""
    if not problems:
        return
    try:
        caller.check(Role.ADMIN, "")
    except Forbidden as refusal:
        raise ApiError(403, refusal.code, listed(problems), problems) from refusal
