"""A worker beside the service, over the fake control plane: one turn is a reconcile and the
controllers."""

from tests.simulation.lab import Lab
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.ports import Capabilities, NoData
from tidegate.deploy_worker import reconcile as reconciles
from tidegate.deploy_worker.parts import Pace
from tidegate.store import leases


class NoMeter:
    """Manual rollouts and undo need no evidence."""

    def scrape(self, key):
        return NoData("nobody counts here")


class Beside:
    """The service's caller and the worker."""

    def __init__(self, api):
        self.api = api
        self.lab = Lab()
        self.parts = reconciles.Parts(
            api.store,
            self.lab.cluster,
            NoMeter(),
            lambda store_id: Platform(store_id, Gateway("main", "gateways"), drain=0.0, steady=0.0),
            Capabilities,
            pace=Pace(interval=1.0),
        )

    def turn(self, key):
        """The endpoint is due; a reconcile of whatever is, then the controllers."""
        with self.api.store.begin() as tx:
            leases.wake(tx, key)
        with self.api.store.begin() as tx:
            claimed = leases.claim(tx, "w1", limit=5, seconds=30)
        for lease in claimed:
            reconciles.run(lease, self.parts)
        self.lab.settle(5)
