"""Play the demo on a plane of its own, and take the plane down whatever came of it."""

from collections.abc import Callable
from pathlib import Path

from tidegate.client import Client
from tidegate.core.errors import TidegateError
from tidegate.core.intent import EndpointKey
from tidegate_local.demo.play import play
from tidegate_local.demo.report import Report
from tidegate_local.demo.stage import Stage
from tidegate_local.home import free_port
from tidegate_local.plane.launch import LaunchError, down, up
from tidegate_local.plane.link import Remote
from tidegate_local.plane.options import NAMESPACE, Options

__all__ = ["Report", "perform"]


def perform(
    folder: Path, mode: str, examples: Path, figures: Report, say: Callable[[str], None]
) -> str | None:
    """Why the demo failed, None if it did not. `folder`: the plane's home."""
    try:
        plane = up(Options(folder, api_port=free_port()), lambda line: say(f"◌ {line}"))
        say(f"✔ the local plane runs: {plane['api_url']}")
        token = Path(plane["token_file"]).read_text().strip()
        remote = Remote(int(plane["link_port"]), folder / "run" / "link.key")
        with Client(plane["api_url"], token) as client:
            key = EndpointKey(NAMESPACE, "demo-triton")
            play(Stage(client, remote, plane, examples, folder, mode, say, key, figures))
    except TidegateError as error:
        return str(error)
    finally:
        try:
            down(folder, lambda _: say("◌ stopping everything"))
        except LaunchError as error:
            say(f"✖ {error}")
    return None
