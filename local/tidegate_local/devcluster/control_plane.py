"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback: Kubernetes without
a kubelet.

It asks for the flags that the facts of a cluster depend on: RBAC is on (a missing permission shows
here and not at the user's), one admin token, and every controller that KServe's objects need.
"""

import base64
import datetime
import json
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate_local.devcluster import certs
from tidegate_local.devcluster.build import Built
from tidegate_local.home import Ports
from tidegate_local.processes.process import Backoff, Spec
from tidegate_local.processes.supervisor import Supervisor

_CONTROLLERS = (
    "deployment",
    "replicaset",
    "statefulset",
    "job",
    "garbagecollector",
    "namespace",
    "endpoint",
    "endpointslice",
    "horizontalpodautoscaling",
    "serviceaccount",
    "root-ca-cert-publisher",
    "resourcequota",
    "disruption",
    "clusterrole-aggregation",
)
_POLL_S = 0.05


class ClusterError(TidegateError):
    """A part of the dev cluster did not get ready; says which, why, and where its log is."""


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one dev cluster."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Pid files and ports."""
        return self.root / "run"

    @property
    def certs(self) -> Path:
        """The API server's certificate, which also serves the webhooks."""
        return self.root / "certs"

    @property
    def kubeconfig(self) -> Path:
        """How to reach the cluster as its admin."""
        return self.root / "kubeconfig"

    def create(self) -> "Places":
        """Make the folders; the root is private, for it holds the admin's token."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.logs, self.run, self.certs):
            folder.mkdir(exist_ok=True)
        return self


@dataclass(slots=True)
class ControlPlane:
    """The processes of Kubernetes itself. json_storage: etcd holds every object as JSON, for who
    reads it there. identities: controllers act under the names that they have in a cluster, as in
    one that a policy looks at; else all are its admin."""

    places: Places
    supervisor: Supervisor
    ports: Ports
    etcd: Built
    kubernetes: Built
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    json_storage: bool = False
    identities: bool = False
    _specs: dict[str, Spec] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.ports.get('apiserver')}"

    @property
    def pair(self) -> certs.Pair:
        """The certificate of the API server and the webhooks."""
        return certs.Pair(self.places.certs)

    def start(self, seconds: float = 60.0) -> None:
        """Start everything; returns when the API server is ready. Raises ClusterError."""
        certs.make(self.places.certs, datetime.datetime.now(datetime.UTC))
        self._write_access()
        self.run("etcd", self._etcd())
        self.run("kube-apiserver", self._apiserver(), Backoff(0.2, 2.0, 10.0))
        self.await_ready(seconds)
        kubeconfig = f"--kubeconfig={self.places.kubeconfig}"
        common = ["--leader-elect=false", "--secure-port=0", kubeconfig]
        own = "true" if self.identities else "false"
        controllers = [
            f"--use-service-account-credentials={own}",
            f"--service-account-private-key-file={self.pair.key}",
        ]
        controllers += [
            f"--controllers={','.join(_CONTROLLERS)}",
            f"--root-ca-file={self.pair.cert}",
        ]
        # A pod's readiness reaches the autoscaler at once: nothing here needs time to warm up.
        controllers += ["--horizontal-pod-autoscaler-initial-readiness-delay=1s"]
        self.run(
            "kube-controller-manager",
            [self._program("kube-controller-manager"), *common, *controllers],
        )
        self.run("kube-scheduler", [self._program("kube-scheduler"), *common])

    def stop(self) -> None:
        """Stop every process of the cluster. etcd last and the API server before it: each waits for
        those it needs."""
        names = [name for name in self.supervisor.names() if name not in ("etcd", "kube-apiserver")]
        for name in names:
            self.supervisor.ask_stop(name)
        for name in (*names, "kube-apiserver"):
            self.supervisor.stop(name)
        self.supervisor.close()

    def run(
        self,
        name: str,
        command: Sequence[str],
        backoff: Backoff | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        """Keep a process running, with a small environment of its own."""
        spec = Spec(
            name,
            lambda: list(command),
            self.places.logs / f"{name}.log",
            environ=environ or {"PATH": "/usr/bin:/bin", "HOME": str(self.places.root)},
            backoff=backoff or Backoff(0.5, 5.0, 20.0),
            stop_seconds=2.0,  # nothing here has state worth waiting for
        )
        self._specs[name] = spec
        self.supervisor.start(spec)

    def pause(self, name: str) -> None:
        """Stop one process until `resume`."""
        self.supervisor.stop(name)

    def resume(self, name: str) -> None:
        """Start a paused process again."""
        self.supervisor.start(self._specs[name])

    def await_ready(self, seconds: float) -> None:
        """Wait until the API server says that it is ready."""
        deadline = time.monotonic() + seconds
        while (answer := self._ask("/readyz")) != "ok":
            if time.monotonic() > deadline:
                log = self.places.logs / "kube-apiserver.log"
                raise ClusterError(
                    f"kube-apiserver was not ready within {seconds:g} s: {answer[:300]} (log: "
                    f"{log})"
                )
            time.sleep(_POLL_S)

    def _ask(self, path: str) -> str:
        context = ssl.create_default_context(cafile=str(self.pair.cert))
        request = urllib.request.Request(  # noqa: S310
            self.url + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace")
        except OSError as error:
            return str(error)

    def _program(self, name: str) -> str:
        return str(self.kubernetes.program(name))

    def _etcd(self) -> list[str]:
        client, peer = (
            f"http://127.0.0.1:{self.ports.get(name)}" for name in ("etcd", "etcd-peer")
        )
        flags = {
            "name": "dev",
            "data-dir": str(self.places.root / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"dev={peer}",
            "log-level": "warn",
            "unsafe-no-fsync": "true",  # a dev cluster starts empty; nothing to lose in a power cut
        }
        return [
            str(self.etcd.program("etcd")),
            *(f"--{key}={value}" for key, value in flags.items()),
        ]

    def _apiserver(self) -> list[str]:
        flags = {
            "etcd-servers": f"http://127.0.0.1:{self.ports.get('etcd')}",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",  # it would refuse to publish a loopback address
            "secure-port": str(self.ports.get("apiserver")),
            "tls-cert-file": str(self.pair.cert),
            "tls-private-key-file": str(self.pair.key),
            "service-account-key-file": str(self.pair.key),
            "service-account-signing-key-file": str(self.pair.key),
            "service-account-issuer": "https://kubernetes.default.svc",
            "token-auth-file": str(self.places.certs / "tokens.csv"),
            "authorization-mode": "RBAC",
            # pods here have no kubelet that mounts tokens
            "disable-admission-plugins": "ServiceAccount",
            "service-cluster-ip-range": "10.96.0.0/16",
            "allow-privileged": "true",
        }
        if self.json_storage:
            flags["storage-media-type"] = "application/json"
        return [
            self._program("kube-apiserver"),
            *(f"--{key}={value}" for key, value in flags.items()),
        ]

    def _write_access(self) -> None:
        tokens = self.places.certs / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.token},admin,admin,"system:masters"\n')
        self.places.kubeconfig.touch(mode=0o600)
        self.places.kubeconfig.write_text(json.dumps(self.config(), indent=1))

    def access(self, user: str) -> Path:
        """The kubeconfig of a controller: under the name `user` where controllers have names, else
        the admin's."""
        if not self.identities:
            return self.places.kubeconfig
        path = self.places.certs / f"{user.replace(':', '.')}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.config({"as": user}), indent=1))
        return path

    def config(self, more: Mapping[str, str] | None = None) -> dict[str, object]:
        """The admin's kubeconfig, as JSON (which is YAML). more: about its user."""
        authority = base64.b64encode(self.pair.cert.read_bytes()).decode()
        name = "tidegate-dev"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": self.url, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": name, "user": {"token": self.token, **(more or {})}}],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}
            ],
        }
