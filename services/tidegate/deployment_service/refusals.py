"""A spec that names what its tenant may not: refused, logged, and kept in the ledger with who asked for it.

The call's own transaction is rolled back, so the line is written in one of its own: to the endpoint's chain where the
endpoint exists, else to the installation's.
"""

from collections.abc import Sequence

import structlog

from tidegate.core.errors import Problem
from tidegate.core.intent import EndpointKey
from tidegate.store import endpoints, ledger
from tidegate.store.engine import Store
from tidegate.store.installation import store_id
from tidegate.web.problems import ApiError

log = structlog.get_logger("deployment_service")
ACTION = "refused"


class NotAllowedError(ApiError):
    """422 with everything that the tenant of `key` may not name."""

    def __init__(self, key: EndpointKey, problems: Sequence[Problem]) -> None:
        detail = "; ".join(f"{one.field}: {one.detail}" for one in problems)
        super().__init__(422, "not-allowed", detail, problems)
        self.key = key


def record(store: Store, caller: str, what: str, error: NotAllowedError) -> None:
    """what: method and path of the call. Raises StoreUnavailable: then the call answers that, and nothing happened."""
    log.warning("refused: a tenant may not name this", caller=caller, call=what, endpoint=str(error.key))
    body = {"call": what, "endpoint": str(error.key), "fields": [one.field for one in error.errors]}
    with store.begin() as tx:
        found = endpoints.get(tx, error.key)
        chain = found.id if found is not None else store_id(tx)
        ledger.append(tx, chain, ledger.Line(caller, ACTION, error.detail, body))
