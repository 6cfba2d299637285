"""Every operation of the REST API as a method, answered with the service's own response models."""

from tidegate.client.access_calls import AccessCalls
from tidegate.client.calling import PLAIN, Options
from tidegate.client.endpoint_calls import EndpointCalls
from tidegate.client.model_calls import ModelCalls
from tidegate.client.rollout_calls import RolloutCalls
from tidegate.client.service_calls import ServiceCalls

__all__ = ["PLAIN", "Client", "Options"]


class Client(ServiceCalls, ModelCalls, EndpointCalls, RolloutCalls, AccessCalls):
    """The service at `base_url`. Every method raises ApiProblem, Unreachable, or UnreadableAnswer
    where something else answers, or another version. prepare: changes an answer's JSON before it is
    read. More arguments: see Transport."""
