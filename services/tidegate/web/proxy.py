"""The user that a proxy in front has authenticated, such as Kubeflow's gateway with its header
`kubeflow-userid`.

Anybody can send a header. It counts only where the connection comes from an address that the
operator has named, and is refused everywhere else, so that a hole in the network shows.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

from tidegate.web.problems import ApiError


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """networks: from where the header counts. prefix: what the proxy writes before the name."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    header: str = "kubeflow-userid"
    prefix: str = ""

    def user(self, request: Request) -> str | None:
        """The user's name; None: no such header. Raises ApiError (403) for a header from
        elsewhere."""
        messages = request.headers.getlist(self.header)
        if not messages:
            return None
        if not self._trusts(request):
            detail = (
                f"the header {self.header} comes from an address that no trusted proxy has: come "
                "through the proxy, or "
                "leave the header out and send a token"
            )
            raise ApiError(403, "untrusted-proxy", detail)
        name = messages[0].strip().removeprefix(self.prefix)
        if len(messages) > 1 or not name or not name.isprintable():
            raise ApiError(
                400, "bad-identity", f"the header {self.header} has to name one user, once"
            )
        return name

    def _trusts(self, request: Request) -> bool:
        try:
            address = ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(address in network for network in self.networks)
