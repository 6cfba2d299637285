"""No wake-up is ever lost and no two workers ever hold an endpoint, in whatever order things
happen."""

import random
import threading
from dataclasses import dataclass, field

import pytest
from store.builders import make_endpoint

from tidegate.core.intent import EndpointKey
from tidegate.store import leases, reconciles
from tidegate.store.engine import Store, run
from tidegate.store.values import Lease, LostLease, Recorded

pytestmark = pytest.mark.real

KEYS = tuple(EndpointKey("team-a", name) for name in ("a", "b", "c"))
ENDED = "lease_until = now() - interval '1s', due_at = now() - interval '1s'"


@dataclass
class Crowd:
    """Workers and events over one store, one transaction at a time."""

    store: Store
    chance: random.Random
    held: list[Lease] = field(default_factory=list)  # by workers that believe they hold them
    observed_at: dict[EndpointKey, int] = field(default_factory=dict)
    woken: dict[EndpointKey, int] = field(default_factory=dict)
    step: int = 0

    def wake(self, key: EndpointKey | None = None) -> None:
        key = key or self.chance.choice(KEYS)
        self.woken[key] = self.step
        with self.store.begin() as tx:
            leases.wake(tx, key)

    def claim(self) -> None:
        with self.store.begin() as tx:
            results = leases.claim(tx, "w", limit=self.chance.randint(1, 3), seconds=600)
        self.held += results
        with self.store.read() as tx:
            live = [lease.key for lease in self.held if leases.holds(tx, lease)]
        assert len(live) == len(set(live)), "two workers hold one endpoint"

    def observe(self) -> None:
        if not self.held:
            return
        lease = self.chance.choice(self.held)
        with self.store.read() as tx:
            if not isinstance(reconciles.load(tx, lease), LostLease):
                self.observed_at[lease.key] = self.step

    def record(self) -> None:
        """A worker looks and then ends its reconcile; events may come in between the two."""
        if not self.held:
            return
        lease = self.held.pop(self.chance.randrange(len(self.held)))
        with self.store.read() as tx:
            lost = isinstance(reconciles.load(tx, lease), LostLease)
        if not lost:
            self.observed_at[lease.key] = self.step
        if self.chance.random() < 0.5:
            self.step += 1
            self.wake(lease.key)
        with self.store.begin() as tx:
            result = reconciles.record(tx, lease, wake_in=self.chance.choice([None, 3600]))
        assert isinstance(result, LostLease if lost else Recorded)

    def crash(self) -> None:
        if self.held:
            self.held.pop(self.chance.randrange(len(self.held)))

    def end_a_lease(self) -> None:
        with self.store.begin() as tx:
            run(
                tx,
                f"UPDATE endpoints SET {ENDED} WHERE name = :name AND lease_token IS NOT NULL",
                name=self.chance.choice(KEYS).name,
            )

    def settle(self) -> None:
        """Every worker dies, time passes, one healthy worker works until nothing is due."""
        with self.store.begin() as tx:
            run(tx, f"UPDATE endpoints SET {ENDED} WHERE lease_token IS NOT NULL")
        self.step += 1
        while True:
            with self.store.begin() as tx:
                results = leases.claim(tx, "last", limit=10, seconds=600)
            if not results:
                self.held.clear()
                return
            for lease in results:
                self.observed_at[lease.key] = self.step
                with self.store.begin() as tx:
                    assert reconciles.record(tx, lease) == Recorded()


def _run_a_scenario(store: Store, seed: int, length: int) -> None:
    world = Crowd(store, random.Random(seed))
    for key in KEYS:
        make_endpoint(store, key)
        world.woken[key] = 0
    acts = (
        world.wake,
        world.claim,
        world.observe,
        world.record,
        world.record,
        world.crash,
        world.end_a_lease,
    )
    for _ in range(length):
        with store.begin() as tx:
            leases.wake(tx, *KEYS)
        for _ in range(8):  # short acts: a later wake-up must not hide that an earlier one was lost
            world.step += 1
            world.chance.choice(acts)()
        world.settle()
        unseen = [str(key) for key in KEYS if world.observed_at.get(key, -1) < world.woken[key]]
        assert not unseen, f"seed {seed}: woken and never looked at again"


@pytest.mark.parametrize("seed", [1, 2])
def test_no_order_of_events_loses_a_wake_up(store: Store, seed: int) -> None:
    _run_a_scenario(store, seed, 25)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_no_order_of_events_loses_a_wake_up_over_many_seeds(store: Store, seed: int) -> None:
    _run_a_scenario(store, seed, 60)


def test_the_last_of_many_racing_wake_ups_is_seen(store: Store) -> None:
    """Threads, not turns: an event source changes a fact and wakes, two workers claim, look and
    record."""
    key = KEYS[0]
    make_endpoint(store, key)
    fact, seen, done = [0], [-1], threading.Event()

    def change() -> None:
        for number in range(1, 101):
            fact[0] = number
            with store.begin() as tx:
                leases.wake(tx, key)
        done.set()

    def work(owner: str) -> None:
        while True:
            finished = done.is_set()
            with store.begin() as tx:
                results = leases.claim(tx, owner, limit=1, seconds=600)
            for lease in results:
                seen[0] = fact[0]
                with store.begin() as tx:
                    assert reconciles.record(tx, lease) == Recorded()
            if finished and not results:
                return

    threads = [
        threading.Thread(target=change),
        *(threading.Thread(target=work, args=(o,)) for o in ("w1", "w2")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen[0] == 100
