"""The REST client that the CLI, the pipeline steps and the template service share."""

from tidegate.client.api import Client, Options
from tidegate.client.errors import ApiProblem, Unreachable
from tidegate.client.events import Event

__all__ = ["ApiProblem", "Client", "Event", "Options", "Unreachable"]
