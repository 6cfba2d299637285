"""The REST client that the CLI, the pipeline steps and the template service share."""

from tidegate.client.api import Client, Options
from tidegate.client.errors import ApiProblem, Fault, Unreachable, UnreadableAnswer
from tidegate.client.events import Event

__all__ = ["ApiProblem", "Client", "Event", "Fault", "Options", "Unreachable", "UnreadableAnswer"]
