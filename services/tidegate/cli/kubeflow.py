"""Templates and KFP as the commands use them: settings from the environment, every refusal as one
line.

The catalog is the installed one, and KFP is asked directly: a laptop with a way to KFP needs no
template-service.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidegate.cli.errors import CliError, Unreachable, usage
from tidegate.cli.session import Session
from tidegate.core.shown_address import shown_address
from tidegate.template_service.catalog import Catalog, CatalogError, Entry, UnknownTemplateError
from tidegate.template_service.checking import from_text
from tidegate.template_service.kfp import OLDEST, Kfp, KfpError, UncertainError, connect
from tidegate.template_service.landing import AlreadyBegunError, Tidegate, UnknownTrace, trace
from tidegate.template_service.releases import KfpTooOldError, known
from tidegate.template_service.rendering import InvalidParametersError
from tidegate.template_service.submitting import NotOursError

# Seconds: a task's pod, and the driver's before it, have begun by then
SEARCH_S = 60.0


@contextmanager
def explained() -> Iterator[None]:
    """Every expected failure as one line."""
    try:
        yield
    except InvalidParametersError as error:
        raise usage("; ".join(problem.sentence for problem in error.problems)) from None
    except UnknownTemplateError as error:
        raise usage(str(error)) from None
    except UncertainError as error:
        raise CliError(error.detail) from None
    except KfpError as error:
        raise (Unreachable if error.status in (0, 502, 503, 504) else CliError)(
            error.detail
        ) from None
    except (CatalogError, NotOursError, KfpTooOldError, AlreadyBegunError) as error:
        raise CliError(str(error)) from None


def catalog(session: Session) -> Catalog:
    """The catalog: `TIDEGATE_CATALOG`, or the installed one."""
    folder = session.world.environ.get("TIDEGATE_CATALOG")
    return Catalog(Path(folder) if folder else None)


def given(entry: Entry, words: list[str]) -> dict[str, Any]:
    """`name=value` words with the types of the template's parameters; `name=@FILE` reads a file."""
    values: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not name:
            raise usage(f"parameter {word[:80]!r} has no value: write name=value")
        if name in values:
            raise usage(f"parameter {name!r} is given twice: give it once")
        parameter = entry.parameter(name)
        if text.startswith("@"):
            text = _read(text[1:])
        values[name] = text if parameter is None else from_text(parameter, text)
    return values


def _read(name: str) -> str:
    try:
        return Path(name).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"cannot read {name}: {error}") from None


def kfp(session: Session, url: str | None) -> Kfp:
    """KFP at `--kfp-url`, `TIDEGATE_KFP_URL` or `KF_PIPELINES_ENDPOINT`."""
    environ = session.world.environ
    address = url or environ.get("TIDEGATE_KFP_URL") or environ.get("KF_PIPELINES_ENDPOINT")
    if not address:
        raise usage("no KFP is known: give --kfp-url or set TIDEGATE_KFP_URL")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise usage(
            f"--kfp-url {shown_address(address)!r} is not an http or https URL: give one such as "
            "http://localhost:8888"
        )
    return Kfp(connect(address, session.world.transport), lambda: _identity(environ))


def warn_of_unknown_release(session: Session, kfp: Kfp) -> None:
    """A note where KFP does not say which release it is."""
    release = kfp.health().release
    if not known(release):
        session.note(
            f"⚠ KFP at {kfp.url} does not say its release ({release or 'no tag'}); the templates "
            f"need {OLDEST} or newer"
        )


def _identity(environ: Mapping[str, str]) -> dict[str, str]:
    """A token, from the environment or from a file that is read at each call."""
    token = environ.get("TIDEGATE_KFP_TOKEN", "")
    file = environ.get("TIDEGATE_KFP_TOKEN_FILE") or environ.get("KF_PIPELINES_SA_TOKEN_PATH")
    if not token and file:
        try:
            token = Path(file).read_text()
        except OSError as error:
            raise CliError(
                f"cannot read the token for KFP from {file}: {error.strerror or error}"
            ) from None
    if token.strip():
        return {"Authorization": f"Bearer {token.strip()}"}
    return {}


def tidegate(session: Session) -> Tidegate:
    """Where a submission is looked for; a laptop may know no Tidegate."""

    def find(space: str, name: str, submission: str) -> str:
        try:
            return session.api.read(lambda client: trace(client, space, name, submission))
        except CliError as error:
            raise UnknownTrace(error.message) from None

    return Tidegate(find, SEARCH_S, session.world.sleep)


def namespace(session: Session) -> str:
    """Of a run: `-n` or TIDEGATE_NAMESPACE; "" where none is named."""
    return session.namespace or session.world.environ.get("TIDEGATE_NAMESPACE", "")
