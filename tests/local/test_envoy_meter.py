"""Envoy's counters as evidence: which answers are bad, what is counted, and by which source."""

from tidegate.core.answers import AnswerKind, kind_of
from tidegate.core.evidence import Counters, Reading
from tidegate.core.intent import EndpointKey
from tidegate_local.processes.envoy_admin import parse
from tidegate_local.processes.envoy_meter import copies, pattern, readings

KEY = EndpointKey("team", "add-sub")
HTTP = "cluster.team.add-sub--r2--http"
GRPC = "cluster.team.add-sub--r2--grpc"
SERVICE = "grpc.inference.GRPCInferenceService"


def body(
    counts: dict[str, int], histograms: dict[str, list[tuple[float, int]]] | None = None
) -> dict[str, object]:
    items = [
        {
            "name": name,
            "buckets": [{"upper_bound": b, "interval": 0, "cumulative": n} for b, n in buckets],
        }
        for name, buckets in (histograms or {}).items()
    ]
    return {"stats": [*({"name": k, "value": v} for k, v in counts.items()), {"histograms": items}]}


def test_http_answers_are_the_sum_of_codes_and_bad_by_rule() -> None:
    counts = {
        f"{HTTP}.upstream_rq_{code}": n
        for code, n in ((200, 90), (400, 3), (404, 2), (429, 7), (503, 5))
    }
    noise = {
        f"{HTTP}.upstream_rq_2xx": 90,
        f"{HTTP}.upstream_rq_total": 102,
        f"{HTTP}--meta.upstream_rq_503": 40,
    }
    mirrored = {f"{HTTP}--mirror.upstream_rq_500": 9, f"{HTTP}.external.upstream_rq_503": 5}
    buckets = [(50.0, 80), (100.0, 102)]
    seen = parse(
        "envoy-a", body({**counts, **noise, **mirrored}, {f"{HTTP}.upstream_rq_time": buckets})
    )
    causes = (("http 400", 3), ("http 404", 2), ("http 429", 7), ("http 503", 5))
    whole = (
        *buckets,
        (float("inf"), 102),
    )
    assert readings(seen, KEY) == (
        Reading(
            "envoy-a/http", 2, Counters(107, 5, whole, causes, rejections=5, saturated=7), "http"
        ),
    )


def test_grpc_is_counted_by_status_never_by_response_code() -> None:
    counts = {
        f"{GRPC}.{SERVICE}.ModelInfer.0": 50,
        f"{GRPC}.{SERVICE}.ModelInfer.13": 4,
        f"{GRPC}.{SERVICE}.ModelInfer.16": 1,
        f"{GRPC}.{SERVICE}.ModelInfer.success": 50,
        f"{GRPC}.{SERVICE}.ModelStreamInfer.13": 1,
        f"{GRPC}.{SERVICE}.ModelReady.5": 30,
        f"{GRPC}.upstream_rq_200": 86,
    }
    seen = readings(parse("envoy-a", body(counts)), KEY)
    causes = (("grpc INTERNAL", 5), ("grpc UNAUTHENTICATED", 1))
    assert seen == (Reading("envoy-a/grpc", 2, Counters(56, 5, (), causes, rejections=1), "grpc"),)


def test_copies_are_read_apart_and_those_of_grpc_requests_are_not_read() -> None:
    """Envoy counts no grpc-status of copies: their 200 hides every error."""
    counts = {f"{HTTP}--mirror.upstream_rq_{code}": n for code, n in ((200, 30), (500, 9))}
    hidden = {f"{GRPC}--mirror.upstream_rq_200": 12}
    buckets = {f"{HTTP}--mirror.upstream_rq_time": [(50.0, 20), (100.0, 39)]}
    seen = parse("envoy-a", body({**counts, **hidden}, buckets))
    whole = ((50.0, 20), (100.0, 39), (float("inf"), 39))
    assert copies(seen, KEY) == (
        Reading("envoy-a/http--mirror", 2, Counters(39, 9, whole, (("http 500", 9),)), "http"),
    )
    assert readings(seen, KEY) == ()


def test_a_restarted_envoy_is_another_source() -> None:
    counts = {f"{HTTP}.upstream_rq_200": 1}
    sources = {
        readings(parse(name, body(counts)), KEY)[0].source for name in ("envoy-a", "envoy-b")
    }
    assert sources == {"envoy-a/http", "envoy-b/http"}


def test_a_revision_that_comes_back_is_another_source() -> None:
    counts = {f"{HTTP}.upstream_rq_200": 1}
    again = parse("envoy-a", body(counts), {HTTP.removeprefix("cluster."): 2})
    assert readings(again, KEY)[0].source == "envoy-a.2/http"


def test_other_endpoints_are_not_ours() -> None:
    counts = {
        "cluster.team.add-sub-2--r2--http.upstream_rq_200": 1,
        "cluster.other.add-sub--r2--http.upstream_rq_200": 1,
    }
    assert readings(parse("envoy-a", body(counts)), KEY) == ()
    assert "add-sub--r" in pattern(KEY)


def test_each_code_is_of_one_kind() -> None:
    http = {
        code: kind_of("http", code) for code in (200, 204, 302, 400, 401, 403, 404, 408, 429, 499)
    }
    assert {code for code, kind in http.items() if kind is AnswerKind.FINE} == {200, 204, 302}
    assert {code for code, kind in http.items() if kind is AnswerKind.SATURATION} == {429}
    assert AnswerKind.ERROR not in http.values()
    assert {kind_of("http", code) for code in (100, 500, 501, 503, 504, 600)} == {AnswerKind.ERROR}
    grpc = [kind_of("grpc", code) for code in range(18)]
    assert [code for code, kind in enumerate(grpc) if kind is AnswerKind.ERROR] == [
        2, 4, 12, 13, 14, 15, 17,
    ]  # fmt: skip
    assert (grpc[0], grpc[8]) == (AnswerKind.FINE, AnswerKind.SATURATION)
