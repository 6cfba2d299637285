"""Which hosts model addresses may lead to, held where the connection is made.

Whoever may name a model's address must not reach through us what only we can reach: this machine,
the cluster's network, the cloud's metadata. A name is looked up here, every address of it is
judged, and the connection goes to exactly the address that was judged: a second answer of the name
server (DNS rebinding) has nobody to ask it. Each redirect is a request of its own and goes the same
way. Hosts that the operator's settings name are not judged.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from tidegate.core.shown_address import shown_address
from tidegate.staging.sources import SourceError

HOSTS = "TIDEGATE_STORAGE_HOSTS"
Resolve = Callable[[str, int], Sequence[str]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Azure's wire server: a public number, answered by the machine's own host
_CLOUD = frozenset({"168.63.129.16"})
# Ways in that `ipaddress` of some Pythons takes for public: IETF protocol assignments (metadata of
# a cloud among them), local NAT64 (RFC 8215), site-local, IPv4 in old clothes (RFC 4291 2.5.5, RFC
# 2765), documentation, segment routing.
_INSIDE = tuple(
    ipaddress.ip_network(item)
    for item in (
        "192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10", "::/96", "::ffff:0:0:0/96", "3fff::/20", "5f00::/16"
    )
)  # fmt: skip


def lookup(host: str, port: int) -> Sequence[str]:
    """Every address of a host, in the order of preference. Raises SourceError."""
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"the host {host!r} cannot be looked up: {error}") from None
    return tuple(dict.fromkeys(str(info[4][0]) for info in results))


def inside(address: str) -> bool:
    """Whether an address is not one of the public internet: private, loopback, link-local, the
    cloud's metadata."""
    i_pv4_address = _plain(ipaddress.ip_address(address.partition("%")[0]))
    # Of the other version: never in it
    known = any(i_pv4_address in network for network in _INSIDE)
    return (
        known
        or not i_pv4_address.is_global
        or i_pv4_address.is_multicast
        or str(i_pv4_address) in _CLOUD
    )


def _plain(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    tunnel = None
    if address.teredo:
        tunnel = address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or tunnel or address


@dataclass(frozen=True, slots=True)
class Places:
    """Where model addresses may lead. hosts: named by the operator, never judged; `.corp` names all
    below it."""

    hosts: tuple[str, ...] = ()
    resolve: Resolve = lookup

    def named(self, host: str) -> bool:
        """Whether the operator named this host."""
        name = host.rstrip(".").lower()
        return any(
            name.endswith(item) if item.startswith(".") else name == item
            for item in map(str.lower, self.hosts)
        )

    def address(self, host: str, port: int) -> str:
        """The address to connect to. Raises SourceError where there is none, or one of them lies
        inside."""
        results = self.resolve(host, port)
        if not results:
            raise SourceError(f"the host {host!r} has no address")
        if (
            not self.named(host)
            and (bad := next((item for item in results if inside(item)), None)) is not None
        ):
            way_out = f"models come from public hosts, or from those that {HOSTS} of the installation names"
            raise SourceError(
                f"the host {host!r} leads to {bad}, which is no public address: {way_out}"
            )
        return results[0]

    def check(self, uri: str) -> str | None:
        """Why nobody should be sent to the host of an address; None where it may be read. For what
        others read."""
        try:
            parts = urlsplit(uri)
            host = parts.hostname or ""
            port = parts.port or 443
        except ValueError as error:
            return f"{shown_address(uri[:200])!r} names no host: {error}"
        if not host:
            return f"{shown_address(uri[:200])!r} names no host: write it as https://host/path"
        if self.named(host):
            return None
        try:
            self.address(host, port)
        except SourceError as error:
            return f"{shown_address(uri[:200])!r}: {error}"
        return None


def places(environ: Mapping[str, str]) -> Places:
    """As the operator's settings say."""
    named = (item.strip() for item in environ.get(HOSTS, "").split(","))
    return Places(tuple(item for item in named if item))


class Guarded(httpx2.BaseTransport):
    """The way out through `Places`. inner: the network."""

    def __init__(self, allowed: Places, inner: httpx2.BaseTransport | None = None) -> None:
        self._places = allowed
        self._inner = inner or httpx2.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, to the address that was judged; certificates and the Host header stay those
        of the name."""
        host = request.url.host
        secure = request.url.scheme == "https"
        address = self._places.address(host, request.url.port or (443 if secure else 80))
        to = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return self._inner.handle_request(to)

    def close(self) -> None:
        """Give connections back."""
        self._inner.close()


def way(uri: str, environ: Mapping[str, str] = os.environ) -> httpx2.BaseTransport | None:
    """The transport to a URI; None: through the proxy of the environment, which then decides who is
    reached."""
    host = urlsplit(uri).hostname or ""
    if "https" in getproxies() and not proxy_bypass(host):
        return None
    return Guarded(places(environ))
