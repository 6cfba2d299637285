"""Who has which role, local users, and tokens for pipelines. No answer but the first ever has a
secret."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tidegate.core.access import Role, role_in, roles
from tidegate.core.errors import Problem, Remediation
from tidegate.deployment_service.calls import ReadCall, Reply, WriteCall, mutate, respond
from tidegate.deployment_service.lookup import not_found
from tidegate.deployment_service.routes import READ, writes
from tidegate.deployment_service.statuses import when
from tidegate.schemas import responses as out
from tidegate.schemas.requests.people import NewBinding, NewPassword, NewToken, NewUser
from tidegate.store import people, tokens
from tidegate.store.engine import Tx
from tidegate.store.people import Binding
from tidegate.store.values import Principal
from tidegate.web.problems import refuse, refused

FIND_USER = Remediation("list the users", "GET /api/v1/users", "tidegate user list")
router = APIRouter(tags=["access"])

SERVICE = "service:"
Place = Annotated[
    str,
    Path(
        pattern=r"^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$",
        description="A namespace; `*`: every one.",
    ),
]
OfUser = Annotated[str | None, Query(max_length=256)]


@router.get("/users", operation_id="listUsers", response_model=out.UsersOut, responses=READ)
def list_users(caller: ReadCall) -> Response:
    """Every local user."""
    with caller.services.store.read() as tx:
        users = people.users(tx)
    items = [
        out.UserOut(name=user.name, created_at=when(user.created_at), created_by=user.created_by)
        for user in users
    ]
    return respond(out.UsersOut(items=items))


@router.post("/users", operation_id="addUser", **writes(201, out.UserChange, 429))
def add_user(call: WriteCall, body: NewUser) -> Response:
    """Make a local user, with no role yet."""
    hashed = call.services.identities.local.passwords.hashed(body.password.get_secret_value())

    def action(tx: Tx) -> Reply:
        if not people.add_user(tx, body.name, hashed, author=call.principal.name):
            remediation = Remediation(
                "set another password",
                f"PUT /api/v1/users/{body.name}/password",
                f"tidegate user password {body.name}",
            )
            raise refused(
                409, "exists", Problem("/name", f"user {body.name!r} exists", remediation)
            )
        return Reply(201, out.UserChange(name=body.name, created_by=call.principal.name))

    return mutate(_no_replay(call), action)


@router.put(
    "/users/{user}/password", operation_id="setPassword", **writes(200, out.UserChange, 429)
)
def set_password(call: WriteCall, user: str, body: NewPassword) -> Response:
    """Set another password. Every token that the user has is void at once."""
    hashed = call.services.identities.local.passwords.hashed(body.password.get_secret_value())

    def action(tx: Tx) -> Reply:
        if not people.set_password(tx, user, hashed, author=call.principal.name):
            raise not_found("user", user, FIND_USER, [item.name for item in people.users(tx)])
        return Reply(200, out.UserChange(name=user))

    return mutate(_no_replay(call), action)


@router.delete("/users/{user}", operation_id="removeUser", **writes(200, out.UserChange))
def remove_user(call: WriteCall, user: str) -> Response:
    """Take a local user away, with every role. Tokens are void at once."""

    def action(tx: Tx) -> Reply:
        if not people.remove_user(tx, user, author=call.principal.name):
            raise not_found("user", user, FIND_USER, [item.name for item in people.users(tx)])
        return Reply(200, out.UserChange(name=user))

    return mutate(call, action)


@router.get(
    "/access/{namespace}/bindings",
    operation_id="listBindings",
    response_model=out.BindingsOut,
    responses=READ,
)
def list_bindings(caller: ReadCall, namespace: str) -> Response:
    """Who has which role in the namespace (`*`: in every one)."""
    with caller.services.store.read() as tx:
        bindings = people.bindings(tx, namespace)
    return respond(out.BindingsOut(items=[_binding(binding) for binding in bindings]))


@router.post(
    "/access/{namespace}/bindings", operation_id="grantRole", **writes(200, out.BindingChange)
)
def grant(call: WriteCall, namespace: Place, body: NewBinding) -> Response:
    """Give a user or a group a role in the namespace, instead of the one it has there."""
    kind, subject = ("user", body.user) if body.user is not None else ("group", body.group)
    assert subject is not None
    binding = Binding(kind, subject, namespace, body.role.value, created_by=call.principal.name)

    def action(tx: Tx) -> Reply:
        people.bind(tx, binding, author=call.principal.name)
        return Reply(200, out.changed(out.BindingChange, _binding(binding)))

    return mutate(call, action)


@router.delete(
    "/access/{namespace}/bindings", operation_id="revokeRole", **writes(200, out.BindingChange)
)
def revoke(call: WriteCall, namespace: str, user: OfUser = None, group: OfUser = None) -> Response:
    """Take a role away."""
    if (user is None) == (group is None):
        raise refuse(
            "user",
            "needs a user or a group, and not both",
            Remediation("name one", "?user= or ?group="),
        )
    kind, subject = ("user", user) if user is not None else ("group", group)
    assert subject is not None

    def action(tx: Tx) -> Reply:
        if not people.unbind(tx, kind, subject, namespace, author=call.principal.name):
            raise not_found(
                kind,
                subject,
                Remediation(
                    "see who has a role there",
                    f"GET /api/v1/access/{namespace}/bindings",
                    "tidegate access",
                ),
            )
        return Reply(
            200, out.changed(out.BindingChange, _binding(Binding(kind, subject, namespace, "")))
        )

    return mutate(call, action)


@router.get(
    "/access/{namespace}/tokens",
    operation_id="listTokens",
    response_model=out.TokensOut,
    responses=READ,
)
def list_tokens(caller: ReadCall, namespace: str) -> Response:
    """Tokens of the namespace (`*`: those that count in every one); never their secrets."""
    with caller.services.store.read() as tx:
        results = tokens.living(tx, namespace)
    items = [
        out.TokenOut(
            name=token.principal.name,
            namespace=namespace,
            role=role_in(roles(token.principal.roles, namespace), namespace),
            created_at=when(token.created_at),
            created_by=token.created_by,
            expires_at=when(token.ends),
        )
        for token in results
    ]
    return respond(out.TokensOut(items=items))


@router.post(
    "/access/{namespace}/tokens", operation_id="createToken", **writes(201, out.TokenChange)
)
def create_token(call: WriteCall, namespace: Place, body: NewToken) -> Response:
    """Make a token for a pipeline: one role in one namespace, for a while. Its secret is answered
    once."""
    who = Principal(f"{SERVICE}{namespace}:{body.name}", (body.role.value,), namespace)

    def action(tx: Tx) -> Reply:
        secret = tokens.create(tx, who, author=call.principal.name, lasts=body.lasts)
        text = None if call.dry_run else secret
        return Reply(
            201, out.TokenChange(name=who.name, namespace=namespace, role=body.role, token=text)
        )

    return mutate(_no_replay(call), action)


@router.delete(
    "/access/{namespace}/tokens/{token}",
    operation_id="revokeToken",
    **writes(200, out.RevokedChange),
)
def revoke_token(call: WriteCall, namespace: str, token: str) -> Response:
    """Revoke every token of this name, at once: as it was made, or as the list shows it."""
    bare = token == tokens.ADMIN or token.startswith(SERVICE)
    name = token
    if not bare:
        name = f"{SERVICE}{namespace}:{token}"

    def action(tx: Tx) -> Reply:
        count = tokens.revoke(tx, name, author=call.principal.name, namespace=namespace)
        if not count:
            raise not_found(
                "token",
                token,
                Remediation(
                    "list them", f"GET /api/v1/access/{namespace}/tokens", "tidegate token list"
                ),
            )
        return Reply(200, out.RevokedChange(name=name, count=count))

    return mutate(call, action)


def _no_replay(call: WriteCall) -> WriteCall:
    """Without its idempotency key: an answer or a fingerprint with a secret in it is never
    stored."""
    return replace(call, idempotency_key=None)


def _binding(binding: Binding) -> out.BindingOut:
    user = None
    if binding.kind == "user":
        user = binding.subject
    group = None
    if binding.kind == "group":
        group = binding.subject
    role = None
    if binding.role:
        role = Role(binding.role)
    created_at = None
    if binding.created_at:
        created_at = when(binding.created_at)
    return out.BindingOut(
        user=user,
        group=group,
        namespace=binding.namespace,
        role=role,
        created_at=created_at,
        created_by=binding.created_by,
    )
