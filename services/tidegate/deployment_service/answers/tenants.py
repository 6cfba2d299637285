"""What a tenant may name."""

from datetime import datetime

from pydantic import Field

from tidegate.deployment_service.answers.base import Answer
from tidegate.deployment_service.schemas.tenants import AllowedBody


class TenantOut(Answer):
    """A tenant's list. `default`: nobody wrote one, the installation's holds; generation is 0 then."""

    namespace: str
    default: bool
    generation: int = Field(description="Rises with each change; the ETag")
    allowed: AllowedBody
    updated_at: datetime | None = None
    updated_by: str | None = None
