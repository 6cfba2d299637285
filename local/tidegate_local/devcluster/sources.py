"""What the dev cluster is made of: Go modules, the programs built from each, and the files taken
out of them.

Every version is pinned by `modules/<name>/go.mod` and go.sum; this file names no version twice. How
long a build takes is what two cold cores took.
"""

from dataclasses import dataclass

_KUBERNETES_VERSION = "v1.35.4"
_VERSION_PACKAGE = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a module that the cluster applies: `folder` inside `module`, kept under the same
    path."""

    module: str
    folder: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that is replaced in one source file before it is compiled, where a path or address is
    a constant that would reach outside of the cluster's folder and of loopback. It must occur."""

    module: str
    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module of ours (a folder with go.mod) that pins programs of others.

    programs: name -> Go package of its main. takes: how long a cold build takes, for a person.
    ldflags: for the linker, after `-s -w`. edits: to the sources.
    """

    name: str
    programs: dict[str, str]
    takes: str
    files: tuple[Files, ...] = ()
    ldflags: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


_KUBERNETES = "k8s.io/kubernetes"
_KSERVE = "github.com/kserve/kserve"
_SERVING = "knative.dev/serving"
_KEDA = "github.com/kedacore/keda/v2"
_GATEWAY = "github.com/envoyproxy/gateway"
_MONITORING = "github.com/prometheus-operator/prometheus-operator"
_KYVERNO = "github.com/kyverno/kyverno"
_ANY_PORT = 'Addr: "127.0.0.1:" + strconv.Itoa(port*0)'
_PROVIDER = "internal/provider/kubernetes/kubernetes.go"
_NO_METRICS = "Scheme:                  envoygateway.GetScheme(),"
_XDS = "internal/xds/runner/runner.go"

MODULES = {
    module.name: module
    for module in (
        Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "half a minute"),
        Module(
            "kubernetes",
            {
                name: f"{_KUBERNETES}/cmd/{name}"
                for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
            },
            "four minutes",
            # Knative refuses a server that cannot tell its version.
            ldflags=(
                f"-X {_VERSION_PACKAGE}.gitVersion={_KUBERNETES_VERSION}",
                f"-X {_VERSION_PACKAGE}.gitMajor={_KUBERNETES_VERSION[1:].split('.')[0]}",
                f"-X {_VERSION_PACKAGE}.gitMinor={_KUBERNETES_VERSION[1:].split('.')[1]}",
            ),
        ),
        Module(
            "kwok",
            {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
            "one minute",
            (Files("sigs.k8s.io/kwok", "kustomize/stage"),),
        ),
        Module(
            "kserve",
            {"kserve-manager": f"{_KSERVE}/cmd/manager"},
            "five minutes",
            (
                Files(_KSERVE, "test/crds"),
                Files(_KSERVE, "config/crd"),
                Files(_KSERVE, "config/configmap"),
                Files(_KSERVE, "config/webhook"),
                Files(_KSERVE, "config/runtimes"),
                Files(_KSERVE, "config/rbac"),
            ),
        ),
        Module(
            "knative",
            {
                f"knative-{name}": f"{_SERVING}/cmd/{name}"
                for name in ("controller", "webhook", "autoscaler")
            },
            "two minutes",
            (
                Files(_SERVING, "config/core"),
                Files("knative.dev/networking", "config"),
                Files("knative.dev/caching", "config"),
            ),
            edits=(
                # All three want port 8080; nobody calls them there.
                Edit(
                    "knative.dev/pkg",
                    "injection/health_check.go",
                    'Addr: ":" + strconv.Itoa(port)',
                    _ANY_PORT,
                ),
                Edit(
                    _SERVING,
                    "cmd/autoscaler/main.go",
                    'statsServerAddr = ":8080"',
                    'statsServerAddr = "127.0.0.1:0"',
                ),
                Edit(
                    "knative.dev/pkg",
                    "observability/runtime/pprof.go",
                    'Addr:    ":" + port',
                    'Addr:    "127.0.0.1:" + port',
                ),
            ),
        ),
        Module(
            "envoygateway",
            {"envoy-gateway": f"{_GATEWAY}/cmd/envoy-gateway"},
            "seven minutes",
            (
                Files(_GATEWAY, "charts/gateway-crds-helm"),
                Files("sigs.k8s.io/gateway-api", "config/crd"),
            ),
            (f"-X {_GATEWAY}/internal/provider/kubernetes.healthProbeBindAddress=0",),
            (
                Edit(_GATEWAY, _XDS, '"/certs/', '"certs/'),  # below its working directory
                # Without Prometheus it would serve its metrics on port 8080 of every address.
                Edit(
                    _GATEWAY,
                    _PROVIDER,
                    _NO_METRICS,
                    f'{_NO_METRICS}\nMetrics: metricsserver.Options{{BindAddress: "0"}},',
                ),
                Edit(
                    _GATEWAY, _XDS, 'XdsServerAddress = "0.0.0.0"', 'XdsServerAddress = "127.0.0.1"'
                ),
            ),
        ),
        Module(
            "keda",  # its admission webhook alone: nothing scales here
            {"keda-webhooks": f"{_KEDA}/cmd/webhooks"},
            "six minutes",
            (Files(_KEDA, "config/crd/bases"), Files(_KEDA, "config/webhooks")),
        ),
        Module(
            # the CLI that tests policies, and the admission controller; its other controllers only
            # report
            "kyverno",
            {
                "kyverno": f"{_KYVERNO}/cmd/cli/kubectl-kyverno",
                "kyverno-admission": f"{_KYVERNO}/cmd/kyverno",
            },
            "five minutes",
            (Files(_KYVERNO, "config/crds"),),
        ),
        Module(
            "prometheus",
            {"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
            "four minutes",
        ),
        Module(
            "tools",  # nothing of the cluster: what renders and checks deploy/
            {
                "helm": "helm.sh/helm/v4/cmd/helm",
                "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
                # Its definitions are what is wanted; a module is pinned by a program of it, and
                # this is a small one.
                "po-rule-migration": f"{_MONITORING}/cmd/po-rule-migration",
            },
            "four minutes",
            (Files(_MONITORING, "example/prometheus-operator-crd"),),
        ),
    )
}
