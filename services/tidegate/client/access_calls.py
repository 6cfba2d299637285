"""Calls about who may do what: users, bindings, tokens."""

from collections.abc import Mapping
from typing import Any

from tidegate.client.calling import PLAIN, Calls, Options, part
from tidegate.schemas import responses as out


class AccessCalls(Calls):
    """Calls about who may do what: users, bindings, tokens."""

    def users(self) -> list[out.UserOut]:
        """Every local user."""
        return self._get(out.UsersOut, "/users").items

    def add_user(self, name: str, password: str, options: Options = PLAIN) -> out.UserChange:
        """A local user, with no role yet."""
        return self._change(
            out.UserChange, "POST", "/users", {"name": name, "password": password}, options
        )

    def set_password(self, name: str, password: str, options: Options = PLAIN) -> out.UserChange:
        """Another password; the user's tokens are void."""
        return self._change(
            out.UserChange, "PUT", f"/users/{part(name)}/password", {"password": password}, options
        )

    def remove_user(self, name: str, options: Options = PLAIN) -> out.UserChange:
        """Take a local user away."""
        return self._change(out.UserChange, "DELETE", f"/users/{part(name)}", None, options)

    def bindings(self, namespace: str) -> list[out.BindingOut]:
        """Who has which role in a namespace; `*`: in every one."""
        return self._get(out.BindingsOut, f"/access/{part(namespace)}/bindings").items

    def grant(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.BindingChange:
        """Give a `user` or a `group` a `role`."""
        return self._change(
            out.BindingChange, "POST", f"/access/{part(namespace)}/bindings", body, options
        )

    def revoke(
        self,
        namespace: str,
        *,
        user: str | None = None,
        group: str | None = None,
        options: Options = PLAIN,
    ) -> out.BindingChange:
        """Take a role away."""
        path = f"/access/{part(namespace)}/bindings"
        return self._change(
            out.BindingChange, "DELETE", path, None, options, user=user, group=group
        )

    def tokens(self, namespace: str) -> list[out.TokenOut]:
        """The tokens of a namespace, without their secrets."""
        return self._get(out.TokensOut, f"/access/{part(namespace)}/tokens").items

    def create_token(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TokenChange:
        """A token for a pipeline; its secret is in this answer only."""
        return self._change(
            out.TokenChange, "POST", f"/access/{part(namespace)}/tokens", body, options
        )

    def revoke_token(
        self, namespace: str, name: str, options: Options = PLAIN
    ) -> out.RevokedChange:
        """Void every token of this name."""
        return self._change(
            out.RevokedChange,
            "DELETE",
            f"/access/{part(namespace)}/tokens/{part(name)}",
            None,
            options,
        )
