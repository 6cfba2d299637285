"""Calls about endpoints, their revisions, history and events."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.client.calling import API, PLAIN, Calls, Options, endpoint_path, part
from tidegate.client.events import Event, follow
from tidegate.schemas import responses as out


class EndpointCalls(Calls):
    """Calls about endpoints, their revisions, history and events."""

    def create_endpoint(
        self, body: Mapping[str, Any], *, namespace: str | None = None, options: Options = PLAIN
    ) -> out.EndpointChange:
        """Make an endpoint from a payload."""
        return self._change(
            out.EndpointChange, "POST", "/endpoints", body, options, namespace=namespace
        )

    def adopt_endpoint(
        self, namespace: str, name: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.EndpointChange:
        """Take somebody's own InferenceService under Tidegate."""
        return self._change(
            out.EndpointChange,
            "POST",
            f"/endpoints/{part(namespace)}/{part(name)}/adopt",
            body,
            options,
        )

    def endpoints(self, namespace: str | None = None) -> Iterator[out.EndpointOut]:
        """Every endpoint, or those of one tenant."""
        return self._pages(out.EndpointsPage.model_validate, "/endpoints", namespace=namespace)

    def endpoint(self, namespace: str, name: str) -> out.EndpointOut:
        """One endpoint; its `generation` goes into Options."""
        return self._get(out.EndpointOut, endpoint_path(namespace, name))

    def patch_endpoint(
        self,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        force: bool = False,
        supersede: bool = False,
        options: Options = PLAIN,
    ) -> out.EndpointChange:
        """Scale, move traffic, or bring a version."""
        path = endpoint_path(namespace, name)
        return self._change(
            out.EndpointChange, "PATCH", path, body, options, force=force, supersede=supersede
        )

    def delete_endpoint(
        self, namespace: str, name: str, *, reason: str = "", options: Options = PLAIN
    ) -> out.EndpointChange:
        """Take it away; options.generation is required."""
        return self._change(
            out.EndpointChange,
            "DELETE",
            endpoint_path(namespace, name),
            None,
            options,
            reason=reason or None,
        )

    def revisions(self, namespace: str, name: str) -> Iterator[out.RevisionOut]:
        """Its revisions, newest first."""
        return self._pages(
            out.RevisionsPage.model_validate, f"{endpoint_path(namespace, name)}/revisions"
        )

    def history(
        self, namespace: str, name: str, *, page_size: int = 50, page_token: str | None = None
    ) -> out.HistoryPage:
        """A page of its intents and ledger entries, newest first."""
        query = {"page_size": page_size, "page_token": page_token}
        return self._get(out.HistoryPage, f"{endpoint_path(namespace, name)}/history", **query)

    def events(
        self, namespace: str, name: str, *, last_event_id: str | None = None, patience: int = 10
    ) -> Iterator[Event]:
        """Its events, without end, over as many connections as it takes; break when you have seen
        enough.

        Raises Unreachable after `patience` connections in a row that failed, ApiProblem (404) once
        it is gone."""
        path = f"{API}{endpoint_path(namespace, name)}/events"
        return follow(
            lambda last: self._http.stream(path, {}, last),
            self._http.sleep,
            last_event_id,
            patience,
        )
