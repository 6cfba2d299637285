"""Calls about models and their versions."""

from collections.abc import Iterator

from tidegate.client.calling import PLAIN, Calls, Options, part
from tidegate.schemas import responses as out


class ModelCalls(Calls):
    """Calls about models and their versions."""

    def create_model(
        self, model_id: str, description: str = "", options: Options = PLAIN
    ) -> out.ModelChange:
        """Register a model."""
        return self._change(
            out.ModelChange,
            "POST",
            "/models",
            {"model_id": model_id, "description": description},
            options,
        )

    def model(self, model_id: str) -> out.ModelOut:
        """One model."""
        return self._get(out.ModelOut, f"/models/{part(model_id)}")

    def models(self) -> Iterator[out.ModelOut]:
        """Every model."""
        return self._pages(out.ModelsPage.model_validate, "/models")

    def create_version(
        self, model_id: str, version_id: str, uri: str, options: Options = PLAIN
    ) -> out.VersionChange:
        """Register a version at `uri`, a Triton model repository root."""
        body = {"version_id": version_id, "uri": uri}
        return self._change(
            out.VersionChange, "POST", f"/models/{part(model_id)}/versions", body, options
        )

    def versions(self, model_id: str) -> Iterator[out.VersionOut]:
        """Every version of a model."""
        return self._pages(out.VersionsPage.model_validate, f"/models/{part(model_id)}/versions")
