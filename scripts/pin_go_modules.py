"""Write modules/<name>/{go.mod,go.sum,tools.go} of the dev cluster again: `python
scripts/pin_go_modules.py NAME...`.

A program's own `replace` lines do not hold for those who depend on it, so they are copied;
Kubernetes' point at folders of its repository and become the published modules of the same release.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tidegate_local.devcluster.sources import MODULES, Module

ROOT = Path(__file__).parents[1] / "services" / "tidegate" / "devcluster" / "modules"
PINS: dict[str, tuple[tuple[str, str], ...]] = {
    "etcd": (("go.etcd.io/etcd/server/v3", "v3.6.6"),),
    "kubernetes": (("k8s.io/kubernetes", "v1.35.4"),),
    "kwok": (("sigs.k8s.io/kwok", "v0.8.0"),),
    "kserve": (("github.com/kserve/kserve", "v0.20.0"),),
    "knative": (("knative.dev/serving", "v0.48.1"),),
    "envoygateway": (("github.com/envoyproxy/gateway", "v1.9.1"),),
    "keda": (("github.com/kedacore/keda/v2", "v2.21.0"),),
    "kyverno": (("github.com/kyverno/kyverno", "v1.19.1"),),
    "prometheus": (("github.com/prometheus/prometheus", "v0.315.0"),),
    "tools": (
        ("helm.sh/helm/v4", "v4.3.1"),
        ("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1"),
        ("github.com/prometheus-operator/prometheus-operator", "v0.85.0"),
    ),
}


def go(*arguments: str, folder: Path | None = None) -> str:
    """Run go, with the machine left to others; its standard output."""
    command = ["nice", "-n", "19", "go", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout


def replaces(module: str, version: str) -> list[str]:
    """The `replace` lines that its dependants must repeat."""
    content = json.loads(go("mod", "download", "-json", f"{module}@{version}"))
    parsed: dict[str, Any] = json.loads(go("mod", "edit", "-json", content["GoMod"]))
    lines = []
    for item in parsed.get("Replace") or []:
        new = item["New"]
        if "Version" in new:
            old = " ".join(filter(None, (item["Old"]["Path"], item["Old"].get("Version"))))
            lines.append(f"replace {old} => {new['Path']} {new['Version']}")
    for item in parsed["Require"]:
        if item["Path"].startswith("k8s.io/") and item["Version"] == "v0.0.0":
            lines.append(
                f"replace {item['Path']} => {item['Path']} v0.{version.removeprefix('v1.')}"
            )
    return lines


def write(module: Module) -> None:
    """Make the folder of one module."""
    pins = PINS[module.name]
    folder = ROOT / module.name
    folder.mkdir(parents=True, exist_ok=True)
    imports = "\n".join(f'\t_ "{package}"' for package in sorted(module.programs.values()))
    (folder / "tools.go").write_text(
        "//go:build tools\n\n// Package tools names the programs that this module pins.\npackage "
        "tools\n\n"
        f"import (\n{imports}\n)\n"
    )
    required = "\n".join(f"require {path} {version}" for path, version in pins)
    lines = "\n".join(line for path, version in pins for line in replaces(path, version))
    (folder / "go.mod").write_text(
        f"module tidegate.dev/devcluster/{module.name}\n\ngo 1.26\n\n{required}\n\n{lines}\n"
    )
    go("mod", "tidy", folder=folder)


if __name__ == "__main__":
    for name in sys.argv[1:] or list(PINS):
        print(f"pinning {name}", flush=True)
        write(MODULES[name])
