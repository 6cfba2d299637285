"""Fake nodes and pods: kwok plays every kubelet. A pod becomes Ready about a second after it was
scheduled.

What the model server would do is not played: a label on the pod decides whether it gets ready
(HOLD, CRASH; put it into `spec.predictor.labels` of an InferenceService), which is how a test makes
a bad revision. `pause` stops every kubelet.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ControlPlane
from tidegate_local.devcluster.kube import Json, Kube, KubeError, ready

NAME = "kwok"
# Nobody answers there. Multicast addresses, because Kubernetes takes them for pods and the kernel
# refuses to connect to them: what controllers ask of pods (Knative scrapes each one every second)
# never leaves the machine.
POD_CIDR = "239.244.0.1/16"
NODE_IP = "239.243.0.1"
# a pod with this label (or annotation) does not get ready until `release`
HOLD = "dev.tidegate.dev/hold"
CRASH = "dev.tidegate.dev/crash"  # a pod with this label is in CrashLoopBackOff for ever
_UNREADY = (
    f'.metadata.labels["{HOLD}"]',
    f'.metadata.annotations["{HOLD}"]',
    f'.metadata.labels["{CRASH}"]',
)
_STAGES = (
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
    "node/fast/node-initialize",
    "node/heartbeat/node-heartbeat",
)
_OWN = Path(__file__).with_name("stages")


@dataclass(frozen=True, slots=True)
class Size:
    """What one node offers."""

    cpu: str = "32"
    memory: str = "256Gi"
    gpu: int = 8
    pods: int = 500


@dataclass(slots=True)
class Nodes:
    """The nodes of one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built
    pod_cidr: str = POD_CIDR

    def start(self, count: int = 2, size: Size | None = None) -> None:
        """Make the nodes and start kwok; returns when they are Ready."""
        stages = self.plane.places.root / "stages.yaml"
        stages.write_text("\n---\n".join(self._stages()))
        for number in range(count):
            self.kube.apply(_node(f"node-{number}", size or Size()))
        self._run()
        self._admit()

    def pause(self) -> None:
        """Stop every kubelet: new pods stay Pending, deleted ones stay Terminating."""
        self.plane.supervisor.stop(NAME)

    def resume(self) -> None:
        """Start them again."""
        self._run()
        self._admit()

    def _admit(self) -> None:
        """Wait until the nodes are Ready and lift their taints: the controller that would do that
        is not run, because it would also evict the pods of paused nodes."""
        for node in self.kube.items("v1", "Node"):
            path = f"/api/v1/nodes/{node['metadata']['name']}"
            self.kube.wait(path, ready, 30.0)
            self.kube.patch(path, {"spec": {"taints": None}})

    def release(self, namespace: str, selector: str) -> int:
        """Let held pods that match a label selector get ready. How many there were."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        held = self.kube.call("GET", path, query={"labelSelector": selector})["items"]
        for pod in held:
            change = {"metadata": {"labels": {HOLD: None}, "annotations": {HOLD: None}}}
            with contextlib.suppress(KubeError):  # it was deleted meanwhile
                self.kube.patch(f"{path}/{pod['metadata']['name']}", change)
        return len(held)

    def _run(self) -> None:
        self.plane.run(
            NAME,
            [
                str(self.built.program("kwok")),
                f"--kubeconfig={self.plane.places.kubeconfig}",
                "--manage-all-nodes=true",
                f"--cidr={self.pod_cidr}",
                f"--node-ip={NODE_IP}",
                f"--config={self.plane.places.root / 'stages.yaml'}",
            ],
        )

    def _stages(self) -> list[str]:
        """kwok's own stages and one of ours; a pod gets ready under one more condition."""
        folder = self.built.files("sigs.k8s.io/kwok", "kustomize/stage")
        texts = [(folder / f"{name}.yaml").read_text() for name in _STAGES]
        return [_unless_told(texts[0]), *texts[1:], (_OWN / "pod-crash.yaml").read_text()]


def _unless_told(text: str) -> str:
    """The stage in which a pod gets ready, without those that hold or crash."""
    conditions = "".join(
        f"    - key: '{field}'\n      operator: 'DoesNotExist'\n" for field in _UNREADY
    )
    marker = "    matchExpressions:\n"
    assert text.count(marker) == 1, "kwok's stage has changed"
    return text.replace(marker, marker + conditions)


def _node(name: str, size: Size) -> Json:
    have = {
        "cpu": size.cpu,
        "memory": size.memory,
        "pods": str(size.pods),
        "nvidia.com/gpu": str(size.gpu),
    }
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": have, "capacity": have},
    }
