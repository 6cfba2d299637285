"""From the options of `rollout start` to the body of the request. Pure."""

from collections.abc import Mapping
from typing import Any

from tidegate.cli.errors import usage
from tidegate.cli.words import seconds
from tidegate.core.on_fail import OnFail

Json = dict[str, Any]


def given(**fields: Any) -> Json:
    """Only what was given, so that the service's defaults hold."""
    return {name: value for name, value in fields.items() if value not in (None, {}, [], "")}


def percents(text: str | None) -> list[int] | None:
    """`1,5,10` as numbers; a percent sign is fine."""
    if text is None:
        return None
    parts = [part.strip().removesuffix("%").strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise usage(
            f"steps {text!r} are not percents: write whole numbers with commas, such as "
            "1,5,10,25,50"
        )
    return [int(part) for part in parts]


def headers(texts: list[str]) -> list[Json]:
    """`x-group=b` as a header match."""
    matches = []
    for text in texts:
        name, separator, value = text.partition("=")
        if not (separator and name.strip() and value):
            raise usage(
                f"match {text!r} is not a header match: write NAME=VALUE, such as x-group=b"
            )
        matches.append({"name": name.strip(), "value": value})
    return matches


def analysis(
    alpha: float | None,
    noise_window_seconds: float | None,
    latency_threshold_ms: float | None,
    errors: Json,
    on_fail: Mapping[str, str],
) -> Json:
    """How the candidate is judged, where an option says so: errors always are, latency where a
    threshold is given. errors: the margins and `min_requests` that were given; latency has the
    same, and rejections the fail margin. on_fail: by metric."""
    latency = given(latency_threshold_ms=latency_threshold_ms)
    if latency:
        latency |= errors
    rejections = given(fail_margin=errors.get("fail_margin"))
    metrics = given(errors=errors, rejections=rejections, latency=latency)
    for metric, then in on_fail.items():
        metrics[metric] = {**metrics.get(metric, {}), "on_fail": then}
    return given(alpha=alpha, noise_window_seconds=noise_window_seconds, metrics=metrics)


def on_fail(texts: list[str]) -> dict[str, str]:
    """`latency=pause` as a metric and what its fail does."""
    follows = {}
    for text in texts:
        metric, separator, then = text.partition("=")
        if not (separator and metric.strip() and then in tuple(OnFail)):
            raise usage(
                f"on-fail {text!r} is not METRIC=ACTION: write abort, pause or notify behind a "
                "metric, such as latency=pause"
            )
        follows[metric.strip()] = then
    return follows


def bake(text: str | None) -> float | None:
    """Seconds of `--bake`."""
    if text is None:
        return None
    return seconds(text)


def candidate(model: str | None, version: str | None, revision: int | None, body: Json) -> Json:
    """What is to be tried: a version or a revision, not both, not neither. `body`: a file's, which
    may name it."""
    if version is not None and revision is not None:
        raise usage("--version and --revision name two candidates: leave one out")
    if model is not None and version is None:
        raise usage("--model needs --version beside it")
    if version is None and revision is None and not {"model_version_id", "revision"} & body.keys():
        raise usage(
            "name what to try: --version V (of the model that serves, or --model M), or --revision "
            "N"
        )
    return given(model_id=model, model_version_id=version, revision=revision)
