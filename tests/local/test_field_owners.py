"""Who owns which field of an object of the fake control plane."""

from typing import Any

from tests.clock import Clock
from tidegate.core.field_owners import Owner, of_others, owner
from tidegate.core.ports import Done
from tidegate_local.played.api import ISVC
from tidegate_local.played.objects import Objects

SERVICE: dict[str, Any] = {
    "apiVersion": ISVC.api_version,
    "kind": ISVC.kind,
    "metadata": {"name": "fraud", "namespace": "team", "annotations": {"a": "1"}},
    "spec": {"predictor": {"minReplicas": 1, "model": {"args": ["x"]}}},
}


class Server:
    """One InferenceService that Tidegate applied."""

    def __init__(self) -> None:
        self.clock = Clock(1_700_000_000.0)
        self.objects = Objects(self.clock)
        self.apply(SERVICE)

    def apply(self, manifest: dict[str, Any]) -> None:
        assert self.objects.apply(manifest) == Done()

    def edit(self, change: dict[str, Any], manager: str = "kubectl-edit") -> None:
        assert self.objects.edit(ISVC, "team", "fraud", change, manager) == Done()

    def owner(self, *path: str) -> Owner | None:
        live = self.objects.get(ISVC, "team", "fraud")
        assert live is not None
        return owner(of_others(live["metadata"].get("managedFields", ()), "tidegate"), live, path)


REPLICAS = ("spec", "predictor", "minReplicas")
ARGS = ("spec", "predictor", "model", "args")


def test_what_nobody_edited_is_nobody_elses() -> None:
    assert Server().owner(*REPLICAS) is None


def test_whoever_edits_a_field_owns_it_until_we_apply_it() -> None:
    server = Server()
    server.clock.advance(60)
    server.edit({"spec": {"predictor": {"minReplicas": 3}}})
    assert server.owner(*REPLICAS) == Owner("kubectl-edit", 1_700_000_060.0)
    assert server.owner(*ARGS) is None
    server.apply(SERVICE)
    assert server.owner(*REPLICAS) is None


def test_an_edit_that_changes_nothing_owns_nothing() -> None:
    server = Server()
    server.edit({"spec": {"predictor": {"minReplicas": 1}}})
    assert server.owner(*REPLICAS) is None


def test_what_we_do_not_apply_stays_theirs() -> None:
    server = Server()
    server.edit({"metadata": {"annotations": {"owner": "team"}}}, "kubectl-annotate")
    server.apply(SERVICE)
    seen = server.owner("metadata", "annotations", "owner")
    assert seen is not None
    assert seen.manager == "kubectl-annotate"


def test_the_last_who_edits_a_field_owns_it() -> None:
    server = Server()
    server.edit({"spec": {"predictor": {"minReplicas": 3, "model": {"args": ["y"]}}}}, "first")
    server.edit({"spec": {"predictor": {"minReplicas": 4}}}, "second")
    owners = [server.owner(*path) for path in (REPLICAS, ARGS)]
    assert [each.manager for each in owners if each] == ["second", "first"]


def test_what_is_removed_has_no_owner() -> None:
    server = Server()
    server.edit({"spec": {"predictor": {"minReplicas": 3}}}, "first")
    server.edit({"spec": {"predictor": {"minReplicas": None}}}, "second")
    assert server.owner(*REPLICAS) is None
