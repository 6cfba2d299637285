"""Own metrics on the local plane: the ready-made ones from Triton's page, and no queries."""

from tests.core.values import KEY
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.own.spec import Own, ReadyMade
from tidegate.core.ports import Unavailable
from tidegate.core.triton.metrics import totals
from tidegate_local.plane.own_metrics import LocalOwn

PAGE = """# TYPE nv_inference_request_success counter
nv_inference_request_success{model="a",version="1"} 90
nv_inference_request_success{model="b",version="1"} 10
nv_inference_request_failure{model="a",reason="BACKEND",version="1"} 2
nv_inference_request_failure{model="a",reason="OTHER",version="1"} 0
nv_inference_queue_duration_us{model="a",version="1"} 1.5e+06
nv_inference_count{model="a",version="1"} 900
"""


class Plane:
    def __init__(self, *silent: int) -> None:
        self.silent = silent
        self.away = False

    def triton_totals(self, key, revision):
        if self.away:
            return Unavailable("the local plane does not answer: gone")
        if revision in self.silent:
            return {f"pod-r{revision}": {}}
        return {f"pod-r{revision}": totals(PAGE)}


def read(plane: Plane, own: Own) -> OwnReading:
    source = LocalOwn(plane, lambda: 500.0)
    [reading] = source.read(KEY, {}, [OwnRequest(own, (1, 2), 100.0, 15.0)])
    return reading


def test_tritons_page_is_added_up_over_models() -> None:
    assert totals(PAGE) == {
        "nv_inference_request_success": 100,
        "nv_inference_request_failure": 2,
        "nv_inference_queue_duration_us": 1_500_000,
    }


def test_the_ready_made_are_read_of_both_revisions_at_one_time() -> None:
    queue = read(Plane(), Own("triton_queue_time", ready=ReadyMade.QUEUE_TIME))
    assert queue == OwnReading(
        "triton_queue_time",
        100.0,
        500.0,
        500.0,
        (Tally("pod-r1", 1, 1_500_000, 100), Tally("pod-r2", 2, 1_500_000, 100)),
    )
    failures = read(Plane(), Own("triton_failures", ready=ReadyMade.FAILURES))
    assert failures.tallies[1] == Tally("pod-r2", 2, 100, 102)


def test_what_is_not_there_is_told() -> None:
    failures = Own("triton_failures", ready=ReadyMade.FAILURES)
    assert read(Plane(2), failures).trouble == "no series of r2: none of its pods answers"
    plane = Plane()
    plane.away = True
    assert read(plane, failures).trouble == "the local plane does not answer: gone"
    gpu = read(Plane(), Own("gpu_seconds_per_request", ready=ReadyMade.GPU_SECONDS))
    assert (gpu.trouble, gpu.refused) == ("no series: Triton has no GPU here", False)


def test_a_query_is_refused_with_what_works_instead() -> None:
    reading = read(Plane(), Own("wait", mean="m"))
    assert reading.refused
    assert "use triton_queue_time, triton_failures or a burn_rate" in reading.trouble
