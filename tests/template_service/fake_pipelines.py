"""The stand-in's pipelines and their versions: whose they are, and who may read and write them, as
KFP 2.15 to 2.17 has it (`pipeline_server.go`, `pipeline_upload_server.go`, both pipeline stores).
"""

from typing import Any

import httpx2
import yaml

from tests.template_service.fake_answers import Json, Refused, by, check_shape, file_of

OWN_NAMESPACE = "kubeflow"  # of KFP itself


class Pipelines:
    """A part of the stand-in, which brings who may do what (`_may`) and pages."""

    multi_user: bool
    objects: bool
    pipelines: list[Json]
    versions: list[Json]

    def _may_pipelines(self, request: httpx2.Request, namespace: str, verb: str) -> None:
        """Anybody reads what is shared; to write it takes rights in KFP's own namespace."""
        if namespace or verb == "create":
            self._may(request, namespace or OWN_NAMESPACE, verb, "pipelines")

    def _list_pipelines(self, request: httpx2.Request, _: Any) -> Json:
        """Those of exactly one namespace, none: the shared ones. Objects are listed of all."""
        namespace = request.url.params.get("namespace", "")
        self._may_pipelines(request, namespace, "list")
        mine = [
            pipeline
            for pipeline in self.pipelines
            if pipeline.get("namespace", "") == namespace or (self.objects and not namespace)
        ]
        return self._page(request, "pipelines", mine)

    def _create_pipeline(self, request: httpx2.Request, body: Json) -> Json:
        namespace = ""
        if self.multi_user:
            namespace = body.get("namespace", "")
        self._may_pipelines(request, namespace, "create")
        if self.objects:
            namespace = namespace or OWN_NAMESPACE
        if any(
            (pipeline["name"], pipeline.get("namespace", "")) == (body["name"], namespace)
            for pipeline in self.pipelines
        ):
            raise Refused(409, f"AlreadyExists: The pipeline {body['name']} already exists.")
        made = {
            **body,
            "namespace": namespace,
            "pipeline_id": f"p{len(self.pipelines)}",
            "created_at": "2026-01-01T00:00:00Z",
        }
        self.pipelines.append(made)
        return made

    def _pipeline_by_name(self, request: httpx2.Request, _: Any, name: str) -> Json:
        """Without a namespace: the newest of that name, whosesoever; of objects, the shared one."""
        namespace = request.url.params.get("namespace", "")
        self._may_pipelines(request, namespace, "get")
        if self.objects:
            namespace = namespace or OWN_NAMESPACE
        for pipeline in reversed(self.pipelines):
            if pipeline["name"] == name and namespace in ("", pipeline["namespace"]):
                return pipeline
        raise Refused(404, f"ResourceNotFoundError: Pipeline {name} not found.")

    def _list_versions(self, request: httpx2.Request, _: Any, pipeline_id: str) -> Json:
        pipeline = by(self.pipelines, "pipeline_id", pipeline_id)
        self._may_pipelines(request, pipeline["namespace"], "list")
        mine = [version for version in self.versions if version["pipeline_id"] == pipeline_id]
        return self._page(request, "pipeline_versions", mine[::-1])

    def _upload_version(self, request: httpx2.Request, _: Any) -> Json:
        """One answer for a missing permission, a broken file and a pipeline that is not there. A
        version of what is shared is taken from anybody."""
        query = request.url.params
        try:
            pipeline = by(self.pipelines, "pipeline_id", query["pipelineid"])
            if pipeline["namespace"]:
                self._may(request, pipeline["namespace"], "create", "pipelines")
        except Refused:
            raise Refused(400, "Failed to create a pipeline version", True) from None
        spec, *_rest = yaml.safe_load_all(file_of(request))
        check_shape(spec)
        if any(
            (version["pipeline_id"], version["name"]) == (pipeline["pipeline_id"], query["name"])
            for version in self.versions
        ):
            raise Refused(409, "Failed to create a pipeline version", True)
        made = {
            "pipeline_id": pipeline["pipeline_id"],
            "pipeline_version_id": f"v{len(self.versions)}",
            "name": query["name"],
            "display_name": query["name"],
            "description": query.get("description", ""),
            "created_at": "2026-01-01T00:00:00Z",
            "pipeline_spec": spec,
        }
        self.versions.append(made)
        return made
