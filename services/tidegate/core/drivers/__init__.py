"""The pure translation between an intent and Kubernetes objects, one driver per mode."""

from tidegate.core.drivers.base import Driver
from tidegate.core.drivers.knative import KnativeDriver
from tidegate.core.drivers.rendering import Platform
from tidegate.core.drivers.standard import StandardDriver
from tidegate.core.intent import Mode


def driver_for(mode: Mode, platform: Platform) -> Driver:
    """The driver of a mode."""
    match mode:
        case Mode.STANDARD:
            return StandardDriver(platform)
        case Mode.KNATIVE:
            return KnativeDriver(platform)
