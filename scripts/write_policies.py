"""Write what follows from policies/<name>/<name>.yaml: `python scripts/write_policies.py`, or
`--check` for a look.

- deploy/k8s/policies/kyverno/<name>.yaml: the same policy with Deny, and a kustomization of all of them.
- validate-kserve-rollout-tenants.clusterpolicy.yaml, beside both: the same expressions as a ClusterPolicy, for Kyverno
  before 1.17. The kustomization leaves it out: one cluster needs one of the two.
- policies/<name>/artifacthub-pkg.yml: the package's description that Kyverno's policy library asks for.
"""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
POLICIES = ROOT / "policies"
DEPLOY = ROOT / "deploy" / "k8s" / "policies" / "kyverno"
BOTH = "validate-kserve-rollout-tenants"
_ABOUT = "policies.kyverno.io/"
_CREATED = "2026-11-21T00:00:00Z"
_OLD_KYVERNO = "1.13.0"  # the first with failureAction in each rule


class _Dumper(yaml.SafeDumper):
    """Long text is folded, as a person would write it."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=">" if len(text) > 80 else None
    )


_Dumper.add_representer(str, _text)


def main() -> int:
    """Write, or with --check name what differs; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail where a file differs"
    )
    check = parser.parse_args().check
    stale = [
        path for path, text in rendered().items() if not path.exists() or path.read_text() != text
    ]
    for path in stale:
        print(f"{'differs' if check else 'writing'} {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered()[path])
    if check and stale:
        return 1
    return 0


def rendered() -> dict[Path, str]:
    """Every file with its text."""
    result: dict[Path, str] = {}
    sources = sorted(path for path in POLICIES.glob("*/*.yaml") if path.stem == path.parent.name)
    for source in sources:
        text = source.read_text()
        name = source.stem
        result[DEPLOY / source.name] = text.replace(
            "validationActions: [Audit]", "validationActions: [Deny]"
        )
        result[source.parent / "artifacthub-pkg.yml"] = _package(name, text)
        if name == BOTH:
            policy = yaml.safe_load(text)
            for folder, action in ((source.parent, "Audit"), (DEPLOY, "Enforce")):
                result[folder / f"{name}.clusterpolicy.yaml"] = _dump(
                    _cluster_policy(policy, action)
                )
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [source.name for source in sources],
    }
    result[DEPLOY / "kustomization.yaml"] = _dump(kustomization)
    return result


def _cluster_policy(policy: Mapping[str, Any], action: str) -> dict[str, Any]:
    """The same as one rule of a ClusterPolicy (kyverno.io/v1)."""
    meta = policy["metadata"]
    spec = policy["spec"]
    (rule,) = spec["matchConstraints"]["resourceRules"]
    kind = f"{rule['apiGroups'][0]}/{rule['apiVersions'][0]}/InferenceService"
    resources = {
        "kinds": [kind],
        "operations": rule["operations"],
        "namespaceSelector": spec["matchConstraints"]["namespaceSelector"],
    }
    cel = {"variables": spec["variables"], "expressions": spec["validations"]}
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {
            "name": meta["name"],
            "annotations": meta["annotations"] | {f"{_ABOUT}minversion": _OLD_KYVERNO},
        },
        "spec": {
            "background": True,
            "rules": [
                {
                    "name": meta["name"],
                    "match": {"any": [{"resources": resources}]},
                    "celPreconditions": spec["matchConditions"],
                    "validate": {"failureAction": action, "cel": cel},
                }
            ],
        },
    }


def _package(name: str, text: str) -> str:
    about = yaml.safe_load(text)["metadata"]["annotations"]
    description = about[f"{_ABOUT}description"].strip()
    return _dump(
        {
            "name": name,
            "version": "1.0.0",
            "displayName": about[f"{_ABOUT}title"],
            "createdAt": _CREATED,
            "description": description,
            "install": f"```shell\nkubectl apply -f {name}.yaml\n```",
            "keywords": ["kyverno", "KServe", "Tidegate"],
            "readme": description,
            "annotations": {
                "kyverno/category": about[f"{_ABOUT}category"],
                "kyverno/kubernetesVersion": "1.30",
                "kyverno/subject": about[f"{_ABOUT}subject"],
            },
            "digest": hashlib.sha256(text.encode()).hexdigest(),
        }
    )


def _dump(thing: Mapping[str, Any]) -> str:
    return str(yaml.dump(thing, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True))


if __name__ == "__main__":
    raise SystemExit(main())
