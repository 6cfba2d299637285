"""One command's run: its target, its streams and its output format. Every command gets one as first
argument."""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from enum import StrEnum
from threading import Timer
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console, RenderableType

from tidegate.cli import context
from tidegate.cli.errors import CliError, usage
from tidegate.cli.world import World

if TYPE_CHECKING:
    from tidegate.cli.api import Api

ENDLESS = 100_000  # columns of output that no terminal shows: nothing is cut or broken there
_KEY = re.compile(r"(?:([a-z0-9-]+)/)?([A-Za-z0-9._-]+)")


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(slots=True)
class Session:
    """namespace: as given by `-n`. Use `in_namespace` for the one that holds. doing: what is said
    when a call takes long."""

    world: World
    form: Format = Format.TABLE
    namespace: str | None = None
    url: str | None = None
    token: str | None = None
    doing: str = "waiting for the API"
    _api: "Api | None" = field(default=None, init=False)
    _target: context.Target | None = field(default=None, init=False)

    @property
    def target(self) -> context.Target:
        """Where the API is. Raises CliError that says what to do."""
        if self._target is None:
            self._target = context.find(self.world.environ, self.url, self.token)
        return self._target

    @property
    def api(self) -> "Api":
        """The API."""
        from tidegate.cli.api import Api  # pydantic: a while to load, and not every command asks

        if self._api is None:
            self._api = Api(
                self.target,
                self.patience,
                self.world.transport,
                visible=self.form in (Format.TABLE, Format.NAME),
            )
        return self._api

    def close(self) -> None:
        """Give connections back."""
        if self._api is not None:
            self._api.close()

    @property
    def in_namespace(self) -> str:
        """The namespace of this call: flag, TIDEGATE_NAMESPACE, the plane's, else the caller's only
        tenant."""
        known = (
            self.namespace or self.world.environ.get("TIDEGATE_NAMESPACE") or self.target.namespace
        )
        if known:
            return known
        tenants = self.api.read(lambda client: client.whoami()).tenants
        if len(tenants) == 1:
            return tenants[0]
        choice = ""
        if tenants:
            choice = f" (yours: {', '.join(tenants)})"
        raise usage(f"no namespace is named: give -n NAMESPACE or set TIDEGATE_NAMESPACE{choice}")

    def key(self, endpoint: str) -> tuple[str, str]:
        """(namespace, name) of `NAME` or `NAMESPACE/NAME`."""
        match = _KEY.fullmatch(endpoint)
        if match is None:
            raise usage(f"endpoint {endpoint!r} is not a name: write NAME or NAMESPACE/NAME")
        return match[1] or self.in_namespace, match[2]

    @property
    def console(self) -> Console:
        """Standard output."""
        return _console(self.world, self.world.stdout)

    def show(
        self, data: Any, name: Callable[[Any], str], text: Callable[[], RenderableType]
    ) -> None:
        """One answer in the chosen format. `name`: what `-o name` prints for each item."""
        match self.form:
            case Format.TABLE:
                self._print(text())
            case Format.JSON:
                self._write(json.dumps(plain(data), indent=2, ensure_ascii=False))
            case Format.YAML:
                self._write(
                    yaml.safe_dump(plain(data), sort_keys=False, allow_unicode=True).rstrip("\n")
                )
            case Format.NAME:
                for item in data if isinstance(data, list) else [data]:
                    self._write(name(item))

    def show_change(self, data: Any, name: Callable[[Any], str], line: Callable[[], str]) -> None:
        """One of many answers of a watch: JSON as one line each, YAML as one document each. Lines
        stay whole."""
        match self.form:
            case Format.TABLE:
                self._write(line())
            case Format.JSON:
                self._write(json.dumps(plain(data), ensure_ascii=False))
            case Format.YAML:
                self._write("---")
                self.show(data, name, line)
            case Format.NAME:
                self._write(name(data))
        self.world.stdout.flush()

    def warn(self, warnings: list[str]) -> None:
        """What was accepted, but not as one may think; on standard error, so that output stays
        parsable."""
        for warning in warnings:
            self.note(f"⚠ {warning}")

    def dry_run(self) -> None:
        """Nothing happened; said on standard error, so that output stays parsable."""
        self.note("◌ dry run: this is what would happen; nothing was changed")

    def note(self, line: str) -> None:
        """One line on standard error."""
        self.world.stderr.write(f"{line}\n")
        self.world.stderr.flush()

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Say what takes long, once it does."""
        timer = Timer(self.world.patience, self.note, (f"◌ {self.doing} …",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed. Without a terminal only `-y` answers."""
        if yes:
            return
        if not self.world.stdin.isatty():
            raise usage(f"{question} Nobody can answer here: repeat with -y")
        self.world.stderr.write(f"{question} [y/N] ")
        self.world.stderr.flush()
        if self.world.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CliError("nothing was changed")

    def show_aside(self, text: RenderableType) -> None:
        """Something to read before a decision; on standard error, so that output stays parsable."""
        _console(self.world, self.world.stderr).print(text)

    def _print(self, text: RenderableType) -> None:
        """Without a terminal no line ends in blanks: logs and golden files stay readable."""
        if self.world.stdout.isatty():
            self.console.print(text)
            return
        rendered = io.StringIO()
        _console(self.world, rendered).print(text)
        self._write("\n".join(line.rstrip() for line in rendered.getvalue().splitlines()))

    def _write(self, text: str) -> None:
        self.world.stdout.write(f"{text}\n")


def plain(data: Any) -> Any:
    """What JSON and YAML can say of answers, values of our own, and lists and objects of them."""
    if hasattr(data, "model_dump"):
        return data.model_dump(mode="json")
    if is_dataclass(data) and not isinstance(data, type):
        return asdict(data)
    if isinstance(data, list):
        return [plain(each) for each in data]
    if isinstance(data, dict):
        return {name: plain(value) for name, value in data.items()}
    return data


def _console(world: World, stream: Any) -> Console:
    """Colour and a width only on a terminal; NO_COLOR takes the colour away there, too."""
    terminal = stream.isatty()
    plain = not terminal or bool(world.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        _environ=world.environ,
        width=None if terminal else ENDLESS,
        no_color=plain,
        color_system=None if plain else "auto",
        force_terminal=terminal,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        legacy_windows=False,
    )
