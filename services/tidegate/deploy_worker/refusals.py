"""A write that a webhook or a policy refused: shown in the endpoint's status with its message, and tried again
only for another intent, another object, or after a long interval."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.ports import Action, Apply
from tidegate.store import codec

LONG_S = 300.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """`write`: digest of the refused write. `at`: epoch seconds by the database's clock."""

    write: str
    generation: int
    detail: str
    at: float

    def covers(self, action: Action, generation: int, now: float) -> bool:
        """Whether trying this write again now would only be refused again."""
        return self.generation == generation and self.write == _digest(action) and now - self.at < LONG_S


def remember(action: Action, generation: int, detail: str, now: float) -> Refusal:
    """The refusal of a write."""
    return Refusal(_digest(action), generation, detail, now)


def read(status: Mapping[str, Any]) -> Refusal | None:
    """The refusal that the last round recorded."""
    found = status.get("refused")
    return codec.loads(Refusal, found) if found else None


def _digest(action: Action) -> str:
    said = action.manifest if isinstance(action, Apply) else [action.kind, action.namespace, action.name, action.uid]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
