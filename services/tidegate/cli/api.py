"""`tidegate.client` as the CLI uses it: a key for every change, one repeat where nobody answered,
and every problem as one line in the CLI's words."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import httpx2

from tidegate.cli import preflight, problem_text
from tidegate.cli.context import Target
from tidegate.cli.errors import CliError, Unreachable
from tidegate.cli.words import one_line
from tidegate.client import ApiProblem, Client, Options, UnreadableAnswer
from tidegate.client import Unreachable as NoAnswer
from tidegate.client.transport import as_it_came
from tidegate.core.shown_address import shown_address
from tidegate.schemas import responses as out

T = TypeVar("T")
Key = tuple[str, str]
Patience = Callable[[], AbstractContextManager[None]]
TIMEOUT = 60.0  # seconds; registering a version reads its bytes
_PAGE = 100
_LATER = (502, 503, 504)


class Api:
    """The API at a target. Every method raises CliError; Unreachable where another try may help.
    shown: answers are for people's eyes, so their texts come without control characters. patience:
    entered around each call."""

    def __init__(
        self,
        target: Target,
        patience: Patience = nullcontext,
        transport: httpx2.BaseTransport | None = None,
        *,
        visible: bool = True,
    ) -> None:
        self._target = target
        self._patience = patience
        prepare = clean if visible else as_it_came
        self._client = Client(
            target.url, target.token, prepare=prepare, timeout=TIMEOUT, transport=transport
        )

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def read(self, ask: Callable[[Client], T]) -> T:
        """One reading."""
        with self._explained():
            return ask(self._client)

    def items(self, ask: Callable[[Client], Iterator[T]], limit: int) -> list[T]:
        """The first of a list, over its pages."""
        with self._explained():
            return list(islice(ask(self._client), limit))

    def change(
        self,
        ask: Callable[[Client, Options], T],
        *,
        dry_run: bool = False,
        generation: int | None = None,
    ) -> T:
        """One change. Where nobody answered it is asked once more: with the same key it cannot
        happen twice."""
        options = Options(dry_run, generation, str(uuid.uuid4()))
        with self._explained():
            try:
                return ask(self._client, options)
            except NoAnswer:
                return ask(self._client, options)

    def endpoint(self, key: Key) -> out.EndpointOut:
        """One endpoint."""
        return self.read(lambda client: client.endpoint(*key))

    def endpoints(self, namespace: str | None, limit: int) -> list[out.EndpointOut]:
        """Endpoints by name."""
        return self.items(lambda client: client.endpoints(namespace), limit)

    def models(self, limit: int) -> list[out.ModelOut]:
        """Models by name."""
        return self.items(lambda client: client.models(), limit)

    def versions(self, model_id: str, limit: int) -> list[out.VersionOut]:
        """Versions of a model."""
        return self.items(lambda client: client.versions(model_id), limit)

    def revisions(self, key: Key, limit: int) -> list[out.RevisionOut]:
        """An endpoint's revisions, newest first."""
        return self.items(lambda client: client.revisions(*key), limit)

    def rollout(self, rollout_id: str) -> out.RolloutOut:
        """One rollout."""
        return self.read(lambda client: client.rollout(rollout_id))

    def rollouts(self, key: Key, limit: int) -> list[out.RolloutOut]:
        """An endpoint's rollouts, newest first."""
        return self.items(lambda client: client.rollouts(*key), limit)

    def all_rollouts(
        self, namespace: str | None, limit: int, *, running: bool
    ) -> list[out.RolloutOut]:
        """Rollouts of every endpoint, newest first."""
        return self.items(lambda client: client.all_rollouts(namespace, running=running), limit)

    def history(self, key: Key, limit: int) -> out.HistoryPage:
        """Intents and ledger entries, newest first, at most `limit` of each."""
        whole = out.HistoryPage(intents=[], ledger=[])
        token: str | None = None
        while True:
            page = self._page(key, token)
            whole.intents = [*whole.intents, *page.intents][:limit]
            whole.ledger = [*whole.ledger, *page.ledger][:limit]
            token = page.next_page_token
            if token is None or min(len(whole.intents), len(whole.ledger)) >= limit:
                return whole

    def ledger_since(self, key: Key, at: datetime) -> list[out.EntryOut]:
        """Entries of an endpoint's ledger since a time, newest first, and always its newest."""
        page = self._page(key, None)
        entries = page.ledger
        while page.next_page_token is not None and entries and entries[-1].at >= at:
            page = self._page(key, page.next_page_token)
            entries = [*entries, *page.ledger]
        return [entry for entry in entries if entry.at >= at] or entries[:1]

    def _page(self, key: Key, token: str | None) -> out.HistoryPage:
        return self.read(lambda client: client.history(*key, page_size=_PAGE, page_token=token))

    def model(self, model_id: str) -> out.ModelOut | None:
        """One model; None: there is none."""
        return self._if_any(lambda client: client.model(model_id))

    def has_endpoint(self, key: Key) -> bool:
        """Whether there is such an endpoint."""
        return self._if_any(lambda client: client.endpoint(*key)) is not None

    def _if_any(self, ask: Callable[[Client], T]) -> T | None:
        with self._explained():
            try:
                return ask(self._client)
            except ApiProblem as problem:
                if problem.status == 404:
                    return None
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with self._patience():
                yield
        except NoAnswer as error:
            advice = "check TIDEGATE_URL"
            if self._target.local:
                advice = "`tidegate up` starts the local plane"
            raise Unreachable(f"{one_line(str(error))} {advice}") from None
        except ApiProblem as problem:
            kind = CliError
            if problem.status in _LATER:
                kind = Unreachable
            raise kind(explain(problem)) from None
        except UnreadableAnswer as error:
            raise CliError(one_line(str(error))) from None
        except ValueError:  # an answer that is not JSON
            raise CliError(
                f"{shown_address(self._target.url)} does not answer as Tidegate does: check "
                "TIDEGATE_URL"
            ) from None


def explain(problem: ApiProblem) -> str:
    """A problem as one line, with the CLI's names of fields and remediations; preflight's as one
    line each."""
    if problem.code == "preflight":
        return preflight.refusal(problem.errors)
    text = one_line(problem_text.text(problem)) or f"{problem.status} {problem.title}"
    if not problem.code:
        text = f"{problem.status} {problem.title}: {text}; check TIDEGATE_URL"
    return text


def clean(value: Any) -> Any:
    """The same JSON with every text on one line."""
    match value:
        case str():
            if value.isprintable():
                return value
            return one_line(value)
        case dict():
            return {name: clean(inner) for name, inner in value.items()}
        case list():
            return [clean(inner) for inner in value]
    return value
