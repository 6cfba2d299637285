"""Kubernetes identities: the API server says whose a token is (TokenReview, bound to our audience),
and whether that identity may touch InferenceServices itself (SubjectAccessReview), so that Tidegate
lends nobody its own rights.

Plain HTTPS with the service's own token. Answers are kept for seconds; tokens are not: their hash
is the key.
"""

import hashlib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import structlog

from tidegate.core.access import EVERYWHERE, Role
from tidegate.web.auth import unauthorized
from tidegate.web.names import clean_groups, clean_name
from tidegate.web.problems import ApiError

log = structlog.get_logger("tokenreview")

REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
PREFIX = "k8s:"
VERBS = {Role.VIEWER: "get", Role.EDITOR: "update", Role.APPROVER: "update", Role.ADMIN: "update"}
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class ApiServer:
    """url: of the API server. ca_file: whose certificates are believed. token_file: our own token,
    read each time, because projected tokens are replaced."""

    url: str
    ca_file: Path | None
    token_file: Path
    audience: str


@dataclass(frozen=True, slots=True)
class Identity:
    """As the API server says it; `extra` in the shape of its answer."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)


class Reviews:
    """Asks the API server. keep: seconds that an answer holds. transport: None: the network. clock:
    monotonic."""

    def __init__(
        self,
        server: ApiServer,
        *,
        transport: httpx2.BaseTransport | None = None,
        keep: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._keep = keep
        self._clock = clock
        cafile = None
        if server.ca_file:
            cafile = str(server.ca_file)
        verify = ssl.create_default_context(cafile=cafile)
        self._http = httpx2.Client(
            base_url=server.url,
            transport=transport,
            verify=verify,
            timeout=5.0,
            trust_env=False,
            follow_redirects=False,
        )
        self._guard = threading.Lock()
        self._kept: dict[tuple[str, ...], tuple[float, Any]] = {}

    def identity(self, token: str) -> Identity:
        """Whose token it is. Raises ApiError: 401, or 503 where the API server does not say."""
        key = ("token", hashlib.sha256(token.encode()).hexdigest())
        identity = self._remembered(key, lambda: self._identity(token))
        if identity is None:
            raise unauthorized(
                f"the cluster does not know this token, or it was made for another audience than "
                f"{self._server.audience!r}: `kubectl create token ACCOUNT "
                f"--audience={self._server.audience}`",
                "kubernetes",
            )
        assert isinstance(identity, Identity)
        return identity

    def allowed(self, who: Identity, role: Role, namespace: str) -> str:
        """ "" where the cluster lets this identity do itself what the role stands for; else why
        not."""
        verb = VERBS[role]
        place = namespace
        if namespace == EVERYWHERE:
            place = ""
        where = "in every namespace"
        if place:
            where = f"in {place!r}"
        key = ("access", who.name, who.uid, *who.groups, "/", verb, place)
        if self._remembered(key, lambda: self._allowed(who, verb, place)):
            return ""
        return f"the cluster does not let {who.name!r} {verb} inferenceservices.serving.kserve.io {where}"

    def _identity(self, token: str) -> Identity | None:
        status = self._ask(
            REVIEW, "TokenReview", {"token": token, "audiences": [self._server.audience]}
        )
        if not status.get("authenticated"):
            return None
        # An API server that ignores audiences
        if self._server.audience not in status.get("audiences", ()):
            return None
        user = status["user"]
        return Identity(
            clean_name(user.get("username"), "the cluster's name for this token"),
            clean_groups(user.get("groups")),
            str(user.get("uid", "")),
            user.get("extra") or {},
        )

    def _allowed(self, who: Identity, verb: str, namespace: str) -> bool:
        spec = {
            "user": who.name,
            "groups": list(who.groups),
            "uid": who.uid,
            "extra": who.extra,
            "resourceAttributes": {
                "group": "serving.kserve.io",
                "resource": "inferenceservices",
                "verb": verb,
                "namespace": namespace,
            },
        }
        status = self._ask(ACCESS, "SubjectAccessReview", spec)
        return bool(status.get("allowed")) and not status.get("denied")

    def _ask(self, path: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        group = path.split("/")[2]
        try:
            headers = {"Authorization": f"Bearer {self._server.token_file.read_text().strip()}"}
            body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
            response = self._http.post(path, json=body, headers=headers)
            response.raise_for_status()
            status: dict[str, Any] = response.json()["status"]
        except (httpx2.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("api server not asked", kind=kind, error=str(error)[:200])
            detail = f"the cluster cannot be asked who this is and what it may ({kind}): repeat; the log says why"
            raise ApiError(503, "no-api-server", detail, headers={"Retry-After": "5"}) from None
        return status

    def _remembered(self, key: tuple[str, ...], ask: Callable[[], Any]) -> Any:
        now = self._clock()
        with self._guard:
            kept = self._kept.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        result = ask()
        with self._guard:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (now + self._keep, result)
        return result
