"""Kyverno's admission controller, as a process. It makes its certificate and its webhook
configurations itself; its other controllers (background, cleanup, reports) are not run: nothing
here is judged but writes.
"""

from dataclasses import dataclass

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ControlPlane
from tidegate_local.devcluster.kube import Json, Kube, KubeError, definitions, establish

NAME = "kyverno-admission"
NAMESPACE = "kyverno"
_MODULE = "github.com/kyverno/kyverno"
_POLICIES = "policies.kyverno.io/v1"


@dataclass(slots=True)
class Kyverno:
    """Kyverno in one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built

    def start(self, seconds: float = 120.0) -> None:
        """Install and start it; returns when it takes policies."""
        crds = self.built.files(_MODULE, "config/crds")
        establish(self.kube, definitions(*sorted(crds.rglob("*.yaml"))))
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name in ("kyverno", "kyverno-metrics"):
            meta = {"name": name, "namespace": NAMESPACE}
            self.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}})
        self._run()
        hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        self.kube.wait(f"{hooks}/kyverno-policy-validating-webhook-cfg", _has_authority, seconds)
        # It registers before it has read its own certificate back.
        self.kube.until(self._takes_policies, f"{NAME} takes policies", seconds)

    def _takes_policies(self) -> bool:
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["configmaps"],
        }
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "true"}],
        }
        policy = {
            "apiVersion": _POLICIES,
            "kind": "ValidatingPolicy",
            "metadata": {"name": "probe"},
            "spec": spec,
        }
        try:
            self.kube.call(
                "POST",
                self.kube.path(_POLICIES, "ValidatingPolicy"),
                policy,
                query={"dryRun": "All"},
            )
        except KubeError as error:
            if error.status != 500:  # anything else than a webhook that does not answer
                raise
            return False
        return True

    def _run(self) -> None:
        places = self.plane.places
        port = self.plane.ports.get("kyverno-webhook")
        flags = {
            "kubeconfig": places.kubeconfig,
            "serverIP": f"127.0.0.1:{port}",
            "webhookServerHost": "127.0.0.1",
            "webhookServerPort": port,
            "caSecretName": "kyverno-ca",
            "tlsSecretName": "kyverno-tls",
            "controllerRuntimeMetricsAddress": "0",
            "disableMetrics": "true",
            "admissionReports": "false",
            "autoMemLimitEnabled": "false",
            "disableLogColor": "true",
        }
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(places.root),
            "KYVERNO_NAMESPACE": NAMESPACE,
            "KYVERNO_POD_NAME": "kyverno-dev",
            "KYVERNO_DEPLOYMENT": "kyverno-admission-controller",
            "KYVERNO_SVC": "kyverno-svc",
            "KYVERNO_SERVICEACCOUNT_NAME": "kyverno-admission-controller",
            "KYVERNO_ROLE_NAME": "kyverno:admission-controller",
            "INIT_CONFIG": "kyverno",
            "METRICS_CONFIG": "kyverno-metrics",
        }
        command = [
            str(self.built.program(NAME)),
            *(f"--{key}={value}" for key, value in flags.items()),
        ]
        self.plane.run(NAME, command, environ=environ)


def enforce(kube: Kube, policies: list[Json], seconds: float = 60.0) -> None:
    """Apply policies; returns when the API server asks Kyverno about them."""
    for policy in policies:
        kube.apply(policy)
    for policy in policies:
        path = kube.path(_POLICIES, policy["kind"], name=policy["metadata"]["name"])
        kube.wait(path, _is_ready, seconds)


def _is_ready(policy: Json) -> bool:
    return bool(((policy.get("status") or {}).get("conditionStatus") or {}).get("ready"))


def _has_authority(configuration: Json) -> bool:
    hooks = configuration.get("webhooks") or []
    return bool(hooks) and all(hook["clientConfig"].get("caBundle") for hook in hooks)
