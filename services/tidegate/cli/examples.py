"""An example of every command, for the end of its help."""

from collections.abc import Iterator
from typing import Any

EXAMPLES = {
    "up": "tidegate up --workers 2",
    "down": "tidegate down",
    "demo": "tidegate demo --mode knative",
    "status": "tidegate status -w",
    "undo": 'tidegate undo fraud --to r3 --reason "p99 is up" --wait',
    "login": "tidegate login --user ann --url https://tidegate.example.com",
    "logout": "tidegate logout --url https://tidegate.example.com",
    "strategies": "tidegate strategies",
    "whoami": "tidegate whoami",
    "grant": "tidegate grant editor --user ann -n team-a",
    "revoke": "tidegate revoke --user ann -n team-a",
    "access": "tidegate access -n team-a",
    "doctor": "tidegate doctor",
    "version": "tidegate version --client",
    "endpoint create": "tidegate endpoint create fraud --model fraud --version 1 --min 1 --max 4 "
    "--wait",
    "endpoint adopt": "tidegate endpoint adopt team-a/fraud --model fraud --dry-run",
    "endpoint get": "tidegate endpoint get fraud -o yaml",
    "endpoint list": "tidegate endpoint list -n team-a",
    "endpoint delete": 'tidegate endpoint delete fraud --reason "replaced by fraud-2"',
    "model import": "tidegate model import fraud 2 ./model-repository --store s3://models",
    "model add": "tidegate model add fraud 2 --uri s3://models/fraud/2/",
    "model list": "tidegate model list fraud",
    "rollout replay": "tidegate rollout replay fraud --golden golden.yaml --answer",
    "rollout start": "tidegate rollout start fraud --version 2 --steps 1,10,50 --bake 5m --dry-run",
    "rollout status": "tidegate rollout status fraud -w",
    "rollout list": "tidegate rollout list --all",
    "rollout report": "tidegate rollout report fraud -f change-4711.html",
    "rollout history": "tidegate rollout history fraud --limit 100",
    "rollout retry": 'tidegate rollout retry fraud --reason "the bucket is back"',
    "rollout promote": 'tidegate rollout promote fraud --reason "the experiment is over"',
    "rollout abort": 'tidegate rollout abort fraud --reason "customers call" --wait',
    "rollout pause": "tidegate rollout pause fraud --reason lunch",
    "rollout resume": "tidegate rollout resume fraud",
    "rollout approve": 'tidegate rollout approve fraud --reason "the figures hold"',
    "rollout reject": 'tidegate rollout reject fraud --reason "recall is down"',
    "rollout undo": "tidegate rollout undo fraud --to r3",
    "set canary": "tidegate set canary fraud 10 --version 2",
    "template list": "tidegate template list",
    "template show": "tidegate template show rollout-canary",
    "template render": "tidegate template render rollout-undo endpoint=fraud -f run.yaml",
    "template submit": "tidegate template submit rollout-canary endpoint=fraud model_version=2 "
    "--wait",
    "template run": "tidegate template run 2f6e1c1a-8a5e-4a5b-9d0a-5b1f6c7d8e9f --wait",
    "template upload": "tidegate template upload --image registry.example.com/ml/tidegate:1.2.3",
    "tenant show": "tidegate tenant show team-a -o yaml",
    "tenant accept": "tidegate tenant accept payments 4",
    "tenant mode": "tidegate tenant mode payments trial",
    "report trial": "tidegate report trial --since 7d",
    "tenant set": 'tidegate tenant set team-a -f team-a.yaml --reason "a bucket of its own"',
    "user add": "tidegate user add ann",
    "user password": "tidegate user password ann",
    "user remove": "tidegate user remove ann",
    "user list": "tidegate user list",
    "token create": "tidegate token create nightly --role editor --lasts 30d -n team-a",
    "token list": "tidegate token list -n team-a",
    "token revoke": "tidegate token revoke nightly -n team-a",
    "token rotate-keys": "tidegate token rotate-keys keys.json",
    "ledger verify": "tidegate ledger verify",
    "dev secret": "tidegate dev secret triton-token --file token",
    "dev cluster up": "tidegate dev cluster up --part kserve",
    "dev cluster down": "tidegate dev cluster down",
    "dev cluster status": "tidegate dev cluster status",
}


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that is no group, by the words that lead to it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path), command
        return
    for name, each in inner.items():
        yield from walk(each, (*path, name))


def attach(tree: Any) -> Any:
    """The same tree, each command's help ending in its example."""
    for path, command in walk(tree):
        if path in EXAMPLES:
            command.epilog = f"\b\nExample:\n  {EXAMPLES[path]}"
    return tree
