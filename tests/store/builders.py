"""Rows for scenarios: short ways to an endpoint, a rollout, a lease."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.core.intent import EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import canary
from tidegate.store import endpoints, leases
from tidegate.store.engine import Store, Tx, run
from tidegate.store.values import Created, Lease

KEY = EndpointKey("team-a", "demo")
MODEL = Model("add_sub", "1", "s3://models/add_sub/sha256-1", "sha256-1")


def make_endpoint(store: Store, key: EndpointKey = KEY, *, author: str = "ann") -> Created:
    with store.begin() as tx:
        made = endpoints.create(
            tx,
            key,
            mode=Mode.STANDARD,
            spec={"name": key.name},
            model=MODEL,
            runtime=Runtime(),
            scaling=Scaling(),
            author=author,
            message="first",
        )
    assert isinstance(made, Created)
    return made


def make_rollout(rollout_id: str = "one", *, author: str = "ann") -> Rollout:
    return Rollout(rollout_id, canary(), base=1, candidate=2, author=author)


def claim_one(store: Store, owner: str = "w1", seconds: float = 30) -> Lease:
    with store.begin() as tx:
        (lease,) = leases.claim(tx, owner, limit=1, seconds=seconds)
    return lease


@contextmanager
def impatient(store: Store, limit: str) -> Iterator[Tx]:
    """A transaction whose `lock_timeout` or `statement_timeout` is over at once."""
    with store.begin() as tx:
        run(tx, f"SET LOCAL {limit} = '20ms'")
        yield tx
