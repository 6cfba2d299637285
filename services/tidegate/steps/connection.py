"""Where the API is, and by whose right a pod calls it.

The token is a Secret's (TIDEGATE_TOKEN), a file's (TIDEGATE_TOKEN_FILE, or the flag), or a
projected ServiceAccount token where the platform mounts one. Files are read again when the service
says 401: projected tokens are renewed.

The address is the pod's own, too: TIDEGATE_URL, from the namespace's ConfigMap. The flag comes from
a run's parameters, which whoever starts a run writes, and a token is sent nowhere because of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tidegate.core.shown_address import shown_address
from tidegate.steps.errors import UsageError

PROJECTED = Path("/var/run/secrets/tidegate.dev/serviceaccount/token")
NO_TOKEN = (
    "no token: set TIDEGATE_TOKEN from a Secret, name a file with TIDEGATE_TOKEN_FILE or "
    "--token-file, or project a "
    f"ServiceAccount token to {PROJECTED}"
)


@dataclass(frozen=True, slots=True)
class Connection:
    """url: of the deployment-service. file: of the token, None where the environment carried it."""

    url: str
    secret: str
    file: Path | None = None

    def token(self) -> str:
        """As it is now. Raises UsageError."""
        if self.file is None:
            return self.secret
        try:
            value = self.file.expanduser().read_text().strip()
        except OSError as error:
            raise UsageError(
                f"cannot read the token file {self.file}: {error.strerror or error}"
            ) from None
        if not value:
            raise UsageError(f"the token file {self.file} is empty")
        return value


def find(
    environ: Mapping[str, str], url: str, token_file: str, projected: Path = PROJECTED
) -> Connection:
    """Address and token of the pod's own settings. url: the flag, which may only repeat the
    address. token_file: goes before the environment. Raises UsageError."""
    url = _own_address(environ.get("TIDEGATE_URL", ""), url)
    if token_file:
        return Connection(url, "", Path(token_file))
    secret = environ.get("TIDEGATE_TOKEN", "").strip()
    if secret:
        return Connection(url, secret)
    named = environ.get("TIDEGATE_TOKEN_FILE", "")
    if named:
        return Connection(url, "", Path(named))
    if projected.exists():
        return Connection(url, "", projected)
    raise UsageError(NO_TOKEN)


def _own_address(own: str, flag: str) -> str:
    """The address that the pod's own settings give. Raises UsageError for a flag that names
    another."""
    if not own:
        raise UsageError(
            "no service is named: set TIDEGATE_URL from the ConfigMap `tidegate` of the namespace"
        )
    parts = urlsplit(own)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(
            f"TIDEGATE_URL {shown_address(own)!r} is not an http or https URL: write "
            "http://tidegate.tidegate-system"
        )
    if flag and _comparable(flag) != _comparable(own):
        raise UsageError(
            f"--service-url {shown_address(flag)!r} is not {shown_address(own)!r}, the address "
            "that this pod's own "
            "settings give (TIDEGATE_URL, from the ConfigMap `tidegate`), and the token goes to "
            "no other: leave the flag out, or have the ConfigMap changed"
        )
    return own.rstrip("/")


def _comparable(url: str) -> str:
    """Without what makes no difference: the case of scheme and host, the last slash."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url
    whole = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower())
    return whole.geturl().rstrip("/")
