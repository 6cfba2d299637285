"""A cluster that is sometimes not there: answers are lost before or after the write took effect."""

import random
from collections.abc import Callable

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Capabilities, Cluster, Snapshot, Unavailable, Write, WriteResult


class FlakyCluster:
    """core.ports.Cluster over another one. lost: chance that a call gets no answer, 0..1."""

    def __init__(self, cluster: Cluster, dice: random.Random, lost: float) -> None:
        self._cluster = cluster
        self._dice = dice
        self.lost = lost

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """One reconcile, or none."""
        if self._unlucky():
            return Unavailable("connection refused")
        return self._cluster.observe(key)

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """Lost before it took effect, or after, or not lost."""
        if self._unlucky():
            return Unavailable("connection refused")
        result = self._cluster.write(write, dry_run=dry_run)
        if self._unlucky():
            return Unavailable("timed out waiting for the answer")
        return result

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """Some notices are lost: whoever relies on them hangs."""
        return self._cluster.watch(lambda key: None if self._unlucky() else wake(key))

    def capabilities(self) -> Capabilities | Unavailable:
        """Asked, or not answered."""
        if self._unlucky():
            return Unavailable("connection refused")
        return self._cluster.capabilities()

    def _unlucky(self) -> bool:
        return self._dice.random() < self.lost
