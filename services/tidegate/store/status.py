"""The stored status of an endpoint, read as the core's value."""

import structlog
from pydantic import ValidationError

from tidegate.core.load import Load
from tidegate.core.status import EndpointStatus
from tidegate.store.codec import Json, loads

log = structlog.get_logger()


def read(stored: Json) -> EndpointStatus:
    """The status that the last reconcile left. One of a worker of another version that does not fit
    counts as none: the next reconcile makes it anew."""
    try:
        return loads(EndpointStatus, stored)
    except ValidationError as error:
        log.warning("a stored status does not fit", error=str(error))
        return EndpointStatus()


def read_load(stored: Json) -> Load:
    """How many requests an endpoint gets, as last measured. What a worker of another version stored
    and does not fit is measured anew."""
    try:
        return loads(Load, stored)
    except ValidationError as error:
        log.warning("a stored load does not fit", error=str(error))
        return Load()
