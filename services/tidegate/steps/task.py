"""What every command has at hand: its arguments, the service, a place to print."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from tidegate.client import Options
from tidegate.steps.errors import UsageError
from tidegate.steps.service import Service
from tidegate.steps.waiting import Watch


@dataclass(frozen=True, slots=True)
class Task:
    """One command's run. nonce: stands for the run where there is none."""

    args: argparse.Namespace
    service: Service
    say: Callable[[str], None]
    nonce: str = field(default_factory=lambda: str(uuid4()))

    @property
    def url(self) -> str:
        """Of the service."""
        return self.service.connection.url

    def watch(self) -> Watch:
        """A wait with the command's own limit."""
        return Watch(self.service, self.say, self.args.time_limit_seconds, self.service.clock)

    def options(self, what: str, *, dry_run: bool = False) -> Options:
        """The same change of the same run is made once; without a run, once by this process."""
        return Options(dry_run=dry_run, key=f"{self.args.run_id or self.nonce}/{what}")

    def endpoint(self) -> tuple[str, str]:
        """(namespace, name) of `--endpoint`. Raises UsageError."""
        space, slash, name = self.args.endpoint.rpartition("/")
        space = space or self.args.namespace
        if slash and self.args.namespace and self.args.namespace != space:
            raise UsageError(
                f"--namespace {self.args.namespace!r} is not the one of --endpoint "
                f"{self.args.endpoint!r}"
            )
        if not name or "/" in space:
            raise UsageError(
                f"--endpoint {self.args.endpoint!r} is not a name: write NAME or NAMESPACE/NAME"
            )
        return space or self._only_tenant(), name

    def _only_tenant(self) -> str:
        tenants = self.service.ask(lambda client: client.whoami()).tenants
        if len(tenants) == 1:
            return tenants[0]
        known = ""
        if tenants:
            known = f" ({', '.join(tenants)})"
        raise UsageError(
            f"--namespace is missing, and the token has not just one tenant{known}: name it"
        )
