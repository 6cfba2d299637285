"""Run one compiled template by `kfp.local`; called by the Python that has kfp, which has nothing of
ours.

Standard input: {"file", "arguments", "root", "python", "run_id"}. The tasks are container
components, which kfp runs in containers only; here each runs as a process of `python` (which has
tidegate) in place of the image's. Standard output ends with a line of JSON: {"outputs": …} or
{"error": …}.
"""

import json
import sys
import time
import warnings

from kfp import components, local
from kfp.local import placeholder_utils, subprocess_task_handler
from kfp.local.orchestrator import task_executor

PAUSE_S = 0.2  # in place of seconds between two tries of a task


def main() -> int:
    request = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    handler = subprocess_task_handler.SubprocessTaskHandler
    handler.validate_not_container_component = lambda *_: None
    handler.validate_image = lambda *_: None
    sys.executable = request["python"]  # what `python3` of a command becomes
    placeholder_utils.make_random_id = lambda: request["run_id"]
    _shorten_pauses()
    local.init(
        local.SubprocessRunner(use_venv=False), pipeline_root=request["root"], raise_on_error=True
    )
    try:
        task = components.load_component_from_file(request["file"])(**request["arguments"])
        values = {"outputs": dict(task.outputs)}
    except RuntimeError as error:  # kfp's word for a task that failed
        values = {"error": str(error)}
    print(json.dumps(values))
    return "error" in values


def _shorten_pauses() -> None:
    if hasattr(task_executor, "time"):

        class Impatient:
            sleep = staticmethod(lambda _: time.sleep(PAUSE_S))

            def __getattr__(self, name: str) -> object:
                return getattr(time, name)

        task_executor.time = Impatient()


if __name__ == "__main__":
    sys.exit(main())
