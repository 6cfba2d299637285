"""Who may register a version, and from where. Models belong to no namespace, but their versions
serve in some.

The address is judged before anybody reads it: the service reads with rights that its callers do not
have.
"""

from tidegate.core.access import EVERYWHERE, Role
from tidegate.core.allowed import ask_to_allow, quoted, reaches
from tidegate.core.errors import Remediation
from tidegate.core.shown_address import shown_address
from tidegate.deployment_service.calls import Caller
from tidegate.deployment_service.tenancy import allowed
from tidegate.store import endpoints, models
from tidegate.store.values import ModelRow
from tidegate.web.access import Forbidden, may

OWN_MODEL = Remediation(
    "register it as a model of your own, or ask an editor of every namespace",
    "POST /api/v1/models",
    "tidegate model add",
)


def check_version(caller: Caller, model: ModelRow, uri: str) -> None:
    """403 for a model of others, or an address that no tenant of the caller may name. uri: a plain
    one. May block."""
    if may(caller.principal, Role.EDITOR, EVERYWHERE):
        return
    _check_model(caller, model)
    _check_uri(caller, uri)


def _check_model(caller: Caller, model: ModelRow) -> None:
    who = caller.principal
    with caller.services.store.read() as tx:
        used = models.serving_namespaces(tx, model.model_id)
    # Counted, never named: the caller may not know that they exist.
    others = sum(not may(who, Role.EDITOR, namespace) for namespace in used)
    if others:
        where = f"serves in {others} namespace{'s' if others > 1 else ''} where {who.name!r} is no editor"
        raise Forbidden("forbidden", f"model {model.model_id!r} {where}", OWN_MODEL, "model_id")
    if not used and model.created_by != who.name:
        detail = f"model {model.model_id!r} serves nowhere yet, so its versions are its creator's, not {who.name!r}'s"
        raise Forbidden("forbidden", detail, OWN_MODEL, "model_id")


def _check_uri(caller: Caller, uri: str) -> None:
    mine = _edited(caller)
    settings = caller.services.settings
    with caller.services.store.read() as tx:
        lists = [allowed(tx, settings, namespace).uri_prefixes for namespace in mine]
    prefixes = sorted({prefix for known in lists for prefix in known})
    if not reaches(uri, prefixes):
        raise Forbidden(
            "not-allowed",
            f"{shown_address(uri[:200])!r} lies below no storage URI prefix of a tenant where "
            f"{caller.principal.name!r} is editor "
            f"({quoted(prefixes) or 'they have none'})",
            ask_to_allow("store it below one"),
            "/uri",
        )


def _edited(caller: Caller) -> list[str]:
    """The namespaces where the caller is editor."""
    who = caller.principal
    tenants = caller.services.settings.tenants
    results = {grant.namespace for grant in who.grants if grant.role.includes(Role.EDITOR)}
    if EVERYWHERE in results:  # granted in every one, but its cluster says no to some
        with caller.services.store.read() as tx:
            results |= {*tenants, *endpoints.used_namespaces(tx)}
    return sorted(item for item in results - {EVERYWHERE} if may(who, Role.EDITOR, item, tenants))
