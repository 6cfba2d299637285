"""KServe's controller manager with its webhooks, as a process.

Its objects come from its own module: CRDs, configuration, the Triton runtime. The manager serves
the webhooks with the API server's certificate, whose folder it finds through TMPDIR
(controller-runtime's default place).
"""

import base64
import json
import shutil
from dataclasses import dataclass

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ControlPlane
from tidegate_local.devcluster.http import await_ok
from tidegate_local.devcluster.kube import Json, Kube, definitions, documents, establish

NAME = "kserve-manager"
NAMESPACE = "kserve"
USER = f"system:serviceaccount:{NAMESPACE}:kserve-controller-manager"
_MODULE = "github.com/kserve/kserve"
_KINDS = (
    "inferenceservices",
    "servingruntimes",
    "clusterservingruntimes",
    "clusterstoragecontainers",
    "inferencegraphs",
    "trainedmodels",
)
_TRITON = "nvcr.io/nvidia/tritonserver:23.05-py3"  # the tag of KServe's own kustomization


@dataclass(slots=True)
class KServe:
    """KServe in one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built

    def start(self, *, knative: bool, seconds: float = 60.0) -> None:
        """Install and start it; returns when its webhooks answer. knative: Knative is there, and
        the default deployment mode is its."""
        self.define()
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.kube.apply(self._config(knative=knative))
        self._run(seconds)
        for hook in documents(self.built.files(_MODULE, "config/webhook") / "manifests.yaml"):
            self.kube.apply(self._hook(hook))
        self.kube.apply(self._runtime())

    def define(self) -> None:
        """Install the kinds alone, its own and those that it makes: nobody acts on them."""
        crds = self.built.files(_MODULE, "test/crds")
        own = definitions(crds / "serving.kserve.io_all_crds.yaml")
        establish(
            self.kube,
            {k: v for k, v in own.items() if k in {f"{n}.serving.kserve.io" for n in _KINDS}},
        )
        others = [*crds.glob("gatewayapi_*.yaml"), crds / "keda.yaml"]
        establish(self.kube, definitions(*others))

    def _run(self, seconds: float) -> None:
        """The manager reads its configuration once, so this comes after it."""
        ports = self.plane.ports
        places = self.plane.places
        serving = places.root / "kserve-tmp" / "k8s-webhook-server" / "serving-certs"
        serving.mkdir(parents=True, exist_ok=True)
        for file in (self.plane.pair.cert, self.plane.pair.key):
            shutil.copy2(file, serving / file.name)
        probe = ports.get("kserve-probe")
        flags = {
            "kubeconfig": self.plane.access(USER),
            "metrics-addr": "127.0.0.1:0",
            "webhook-port": ports.get("kserve-webhook"),
            "health-probe-addr": f"127.0.0.1:{probe}",
        }
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(places.root),
            "TMPDIR": str(places.root / "kserve-tmp"),
            "POD_NAMESPACE": NAMESPACE,
        }
        command = [
            str(self.built.program(NAME)),
            *(f"--{key}={value}" for key, value in flags.items()),
        ]
        self.plane.run(NAME, command, environ=environ)
        await_ok(NAME, f"http://127.0.0.1:{probe}/readyz", places.logs / f"{NAME}.log", seconds)

    def _config(self, *, knative: bool) -> Json:
        """KServe's own config map, with Gateway API instead of Istio."""
        (document,) = documents(
            self.built.files(_MODULE, "config/configmap") / "inferenceservice.yaml"
        )
        ingress = json.loads(document["data"]["ingress"])
        ingress |= {"enableGatewayApi": True, "disableIstioVirtualHost": True}
        mode = {"defaultDeploymentMode": "Knative" if knative else "Standard"}
        document["data"] |= {"ingress": json.dumps(ingress), "deploy": json.dumps(mode)}
        document["data"].pop("_example", None)
        document["metadata"]["namespace"] = NAMESPACE
        return document

    def _hook(self, hook: Json) -> Json:
        authority = base64.b64encode(self.plane.pair.cert.read_bytes()).decode()
        port = self.plane.ports.get("kserve-webhook")
        for entry in hook["webhooks"]:
            path = entry["clientConfig"]["service"]["path"]
            entry["clientConfig"] = {
                "url": f"https://127.0.0.1:{port}{path}",
                "caBundle": authority,
            }
        hook["metadata"].pop("creationTimestamp", None)
        return hook

    def _runtime(self) -> Json:
        (runtime,) = documents(
            self.built.files(_MODULE, "config/runtimes") / "kserve-tritonserver.yaml"
        )
        runtime["spec"]["containers"][0]["image"] = _TRITON
        return runtime
