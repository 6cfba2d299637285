"""KEDA's admission webhook, as a process. Its operator is not run: nothing scales here, but what
KServe makes for KEDA is judged as in a cluster that has it.
"""

import base64
from dataclasses import dataclass

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ControlPlane
from tidegate_local.devcluster.http import await_ok
from tidegate_local.devcluster.kube import Json, Kube, definitions, documents, establish

NAME = "keda-webhooks"
_MODULE = "github.com/kedacore/keda/v2"


@dataclass(slots=True)
class Keda:
    """KEDA's webhook in one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built

    def start(self, seconds: float = 60.0) -> None:
        """Install and start it; returns when it answers. Before KServe, which brings older
        definitions of its own."""
        establish(
            self.kube,
            definitions(*sorted(self.built.files(_MODULE, "config/crd/bases").glob("*.yaml"))),
        )
        ports = self.plane.ports
        places = self.plane.places
        probe = ports.get("keda-probe")
        flags = {
            "kubeconfig": places.kubeconfig,
            "cert-dir": places.certs,
            "port": ports.get("keda-webhook"),
            "metrics-bind-address": "0",
            "health-probe-bind-address": f"127.0.0.1:{probe}",
        }
        command = [
            str(self.built.program(NAME)),
            *(f"--{key}={value}" for key, value in flags.items()),
        ]
        self.plane.run(NAME, command)
        await_ok(NAME, f"http://127.0.0.1:{probe}/readyz", places.logs / f"{NAME}.log", seconds)
        for hook in documents(
            self.built.files(_MODULE, "config/webhooks") / "validation_webhooks.yaml"
        ):
            self.kube.apply(self._hook(hook))

    def _hook(self, hook: Json) -> Json:
        """As shipped, but a webhook that does not answer is an error: a test must not pass for
        that."""
        authority = base64.b64encode(self.plane.pair.cert.read_bytes()).decode()
        for entry in hook["webhooks"]:
            path = entry["clientConfig"]["service"]["path"]
            url = f"https://127.0.0.1:{self.plane.ports.get('keda-webhook')}{path}"
            entry |= {"clientConfig": {"url": url, "caBundle": authority}, "failurePolicy": "Fail"}
        return hook
