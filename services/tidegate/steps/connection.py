"""Where the API is, and by whose right a pod calls it.

The token is a Secret's (TIDEGATE_TOKEN), a file's (TIDEGATE_TOKEN_FILE, or the flag), or a
projected ServiceAccount token where the platform mounts one. Files are read again when the service
says 401: projected tokens are renewed.
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
    """From flags, then the environment, then what the platform mounted. Raises UsageError."""
    url = url or environ.get("TIDEGATE_URL", "")
    if not url:
        raise UsageError(
            "no service is named: give --service-url, or set TIDEGATE_URL from the ConfigMap "
            "`tidegate`"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(
            f"--service-url {shown_address(url)!r} is not an http or https URL: write "
            "http://tidegate.tidegate-system"
        )
    url = url.rstrip("/")
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
