"""Who calls, and as whom KFP is asked.

Two ways in. A bearer token of Tidegate: the deployment-service says whose it is and whether it may;
KFP is asked with the service's own token, so roles are checked before. Or a user whom a trusted
proxy has authenticated: KFP is asked in that user's name, and decides by its own rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx2
from starlette.requests import Request

from tidegate.client import ApiProblem, Client, Unreachable
from tidegate.core.access import EVERYWHERE, Role, roles
from tidegate.core.errors import Remediation
from tidegate.template_service import landing
from tidegate.template_service.landing import UnknownTrace
from tidegate.template_service.settings import TemplateSettings
from tidegate.web.access import Forbidden
from tidegate.web.auth import Principal, unauthorized
from tidegate.web.problems import ApiError
from tidegate.web.proxy import TrustedProxy

Answer = TypeVar("Answer")
Trace = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Caller(Principal):
    """proxied: KFP is asked in this user's name. ask: the deployment-service, whether this caller
    has a role in a namespace; it records where not. accounts: the ServiceAccounts that a tenant may
    name. trace: what a submission did at an endpoint. All raise ApiError."""

    proxied: bool = False
    ask: Callable[[Role, str], None] | None = field(default=None, compare=False, repr=False)
    accounts: Callable[[str], Sequence[str]] | None = field(default=None, compare=False, repr=False)
    trace: Trace | None = field(default=None, compare=False, repr=False)

    def find(self, namespace: str, name: str, submission: str) -> str:
        """What a submission did in Tidegate; "": nothing. Raises UnknownTrace, ApiError."""
        if self.trace is None:
            raise UnknownTrace("a user of the proxy has no token for it")
        return self.trace(namespace, name, submission)

    def check(self, role: Role, namespace: str) -> None:
        """403 for a token without this role there. No namespace is shared by all: that needs the
        role everywhere."""
        if not self.proxied:
            assert self.ask is not None
            self.ask(role, namespace or EVERYWHERE)


class Callers:
    """Finds out who calls. transport: to the deployment-service; None: the network."""

    def __init__(
        self, settings: TemplateSettings, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._proxy = TrustedProxy(
            settings.trusted_proxies, settings.userid_header, settings.userid_prefix
        )

    def by_token(self, token: str) -> Caller | None:
        """Whose token it is; None: nobody's. Raises ApiError where nobody can say."""
        if not self._settings.url:
            detail = "tokens are not taken here, because TIDEGATE_URL names no deployment-service that knows them"
            raise ApiError(503, "no-deployment-service", detail)
        if not (token.isascii() and token.isprintable()):
            return None
        who_am_i = self._asked(token, lambda client: client.whoami())
        held = who_am_i.grants.items()
        grants = tuple(grant for namespace, role in held for grant in roles((role,), namespace))
        ask = partial(self._demand, token)
        accounts = partial(self._accounts, token)
        find = partial(self._trace, token)
        return Caller(who_am_i.name, grants, ask=ask, accounts=accounts, trace=find)

    def _trace(self, token: str, namespace: str, name: str, submission: str) -> str:
        return self._asked(token, lambda client: landing.trace(client, namespace, name, submission))

    def _demand(self, token: str, role: Role, namespace: str) -> None:
        self._asked(token, lambda client: client.verify(namespace, role.value))

    def _accounts(self, token: str, namespace: str) -> Sequence[str]:
        tenant = self._asked(token, lambda client: client.tenant(namespace))
        return tenant.allowed.serviceAccounts

    def _asked(self, token: str, ask: Callable[[Client], Answer]) -> Answer:
        """The deployment-service's answer; its refusals are ours."""
        try:
            with Client(
                self._settings.url, token, transport=self._transport, timeout=10.0
            ) as client:
                return ask(client)
        except ApiProblem as problem:
            if problem.status == 401:
                raise unauthorized(problem.detail) from problem
            if problem.status == 403:
                raise _forbidden(problem) from problem
            raise _unknown(problem) from problem
        except (Unreachable, ValueError) as error:
            raise _unknown(error) from error

    def by_proxy(self, request: Request) -> Caller | None:
        """The user whom a trusted proxy has authenticated."""
        user = self._proxy.user(request)
        if not user:
            return None
        return Caller(user, proxied=True)

    def headers(self, caller: Caller) -> Mapping[str, str]:
        """As whom KFP is asked for this caller."""
        if caller.proxied:
            return {self._settings.userid_header: f"{self._settings.userid_prefix}{caller.name}"}
        return bearer(self._settings.kfp_token_file)


def bearer(file: Path | None) -> Mapping[str, str]:
    """The token of a file as a header; read each time, because projected tokens are replaced.
    Raises ApiError."""
    if file is None:
        return {}
    try:
        return {"Authorization": f"Bearer {file.read_text().strip()}"}
    except OSError as error:
        detail = f"the token for KFP cannot be read from {file} ({error.strerror}): check TIDEGATE_KFP_TOKEN_FILE"
        raise ApiError(503, "no-kfp-token", detail) from None


def _forbidden(problem: ApiProblem) -> Forbidden:
    """The deployment-service's 403 as ours, with its remediation."""
    code = problem.code or "forbidden"
    if not problem.errors:
        return Forbidden(code, problem.detail, Remediation("ask an administrator"))
    first = problem.errors[0]
    return Forbidden(code, first.detail, first.remediation, first.pointer)


def _unknown(error: Exception) -> ApiError:
    detail = f"whose token this is cannot be asked ({error}); nothing was done: repeat"
    return ApiError(503, "deployment-service-unavailable", detail, headers={"Retry-After": "5"})
