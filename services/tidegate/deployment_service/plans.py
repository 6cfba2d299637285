"""From a request to a strategy, checked as a whole: every candidate traffic on the way is put
before the rule book, so that a plan that would be refused at its third step is refused before its
first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from tidegate.core import experiments, rules, strategy
from tidegate.core.errors import Problem, Remediation
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.evidence import check as check_metric
from tidegate.core.forecast import step_seconds
from tidegate.core.incidents import Limits
from tidegate.core.intent import CandidateTraffic, HeaderMatch, Intent, Protocol
from tidegate.core.ladder import exposure_beyond
from tidegate.core.load import Rates
from tidegate.core.ports import Capabilities
from tidegate.core.strategy import Deadlines, Kind, Step, Strategy, Until
from tidegate.deployment_service import pace
from tidegate.schemas.requests.analysis import LatencyIn, MetricIn, MetricsIn
from tidegate.schemas.requests.rollouts import HeaderIn, StartRollout, StepIn, StrategyIn
from tidegate.web.problems import invalid

_BELONGS = {
    "steps": Kind.CANARY,
    "percent": Kind.AB,
    "match": Kind.AB,
    "until": Kind.AB,
    "mirror_percent": Kind.SHADOW,
}


def strategy_of(body: StartRollout) -> Strategy:
    """The strategy that was asked for. Raises ApiError (422) with everything wrong with it."""
    metrics = metrics_of(body.analysis.metrics)
    problems = [*_check_fields(body), *_check_steps(body)]
    if not problems:
        problems += pace.problems(body, _base(body))
    if not problems:
        problems += _check_comparisons(body, replace(_base(body), metrics=metrics))
    for metric in metrics:
        problems += [
            replace(p, field=f"/analysis/metrics/{metric.kind}/{p.field.rpartition('.')[2]}")
            for p in check_metric(metric)
        ]
    if problems:
        raise invalid(problems)
    deadlines = Deadlines(
        body.deadlines.ready_seconds,
        _data_seconds(body),
        body.deadlines.decision_timeout_seconds,
        body.deadlines.undo_seconds,
    )
    limits = limits_of(body.analysis.metrics)
    plan = replace(
        _base(body),
        metrics=metrics,
        alpha=body.analysis.alpha,
        deadlines=deadlines,
        limits=limits,
        noise_window=body.analysis.noise_window_seconds,
    )
    return pace.applied(body, plan)


def metrics_of(metrics: MetricsIn) -> tuple[Metric, ...]:
    """The metrics of a rollout, errors first."""
    results = [
        _metric(MetricKind.ERRORS, metrics.errors),
        Metric(
            MetricKind.REJECTIONS,
            metrics.rejections.fail_margin,
            on_fail=metrics.rejections.on_fail,
        ),
        Metric(MetricKind.SATURATION, on_fail=metrics.saturation.on_fail),
    ]
    if metrics.latency is not None:
        results.append(_latency(metrics.latency))
    own = metrics.experiment
    if own is not None:
        results.append(
            Metric(
                MetricKind.EXPERIMENT,
                own.fail_margin,
                own.pass_margin,
                min_requests=own.min_requests,
                on_fail=own.on_fail,
            )
        )
    return tuple(results)


def _data_seconds(body: StartRollout) -> float:
    if body.deadlines.data_seconds is not None:
        return body.deadlines.data_seconds
    if body.analysis.metrics.experiment is not None:
        return strategy.EXPERIMENT_DATA
    return Deadlines().data


def _check_comparisons(body: StartRollout, plan: Strategy) -> Iterator[Problem]:
    """What a comparison cannot say, by the field of the body that asks for it."""
    written = isinstance(body.strategy, StrategyIn)
    for index, field, detail, remediation in experiments.unfit(plan):
        if written and index is not None:
            pointer = f"/strategy/steps/{index}/{field}"
        else:
            pointer = f"/{field}"
        yield Problem(pointer, detail, remediation)


def limits_of(metrics: MetricsIn) -> Limits:
    """What the candidate's pods are allowed."""
    return Limits(
        metrics.restarts.allowed,
        metrics.oom_kills.allowed,
        metrics.no_ready_pods.allowed_seconds,
        metrics.restarts.on_fail,
        metrics.oom_kills.on_fail,
        metrics.no_ready_pods.on_fail,
    )


def _metric(kind: MetricKind, metric: MetricIn | LatencyIn) -> Metric:
    return Metric(
        kind,
        metric.fail_margin,
        metric.pass_margin,
        metric.objective,
        min_requests=metric.min_requests,
        on_fail=metric.on_fail,
    )


def _latency(metric: LatencyIn) -> Metric:
    return replace(
        _metric(MetricKind.LATENCY, metric),
        latency_threshold_ms=metric.latency_threshold_ms,
    )


def check_plan(
    plan: Strategy, candidate: int, intent: Intent, caps: Capabilities
) -> tuple[Problem, ...]:
    """Everything the rule book says about the intents that this plan makes, each thing once."""
    candidate_traffics = [CandidateTraffic(), *(step.candidate_traffic for step in plan.steps)]
    result: dict[Problem, None] = {}
    for candidate_traffic in candidate_traffics:
        new = replace(
            intent,
            candidate=candidate,
            candidate_traffic=candidate_traffic,
            generation=intent.generation + 1,
        )
        result |= dict.fromkeys(rules.check(new, intent, caps))
    return tuple(result)


def forecast(
    plan: Strategy, rates: Rates, urls: Sequence[str] = ()
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """What cannot finish at the measured rates, and warnings about what would be paused for want of
    data. Nothing where they are unknown. urls: where clients call the endpoint."""
    rate = rates.requests_per_second
    counted = [
        (number, step) for number, step in enumerate(plan.steps, 1) if _needs_requests(plan, step)
    ]
    if rate is None or not counted:
        return (), ()
    if not rate:
        return (), (_nobody_calls(plan, urls),)
    problems = []
    warnings = []
    for number, step in counted:
        if not _forecastable(plan, step, rates):
            continue
        seconds = step_seconds(plan, step, rates)
        where = (
            f"step {number} ({step.candidate_traffic.percent or step.candidate_traffic.mirror} %)"
        )
        if seconds is None:
            detail = f"{where} can never be answered at {rate:g} requests per second"
            problems.append(
                Problem(
                    "/analysis/metrics", detail, Remediation("widen pass_margin or the objective")
                )
            )
        elif seconds > step.bake + plan.longest_wait:
            warnings.append(_too_long(plan, where, seconds, rate))
    beyond = exposure_beyond(plan, rates)
    if beyond is not None:
        warnings.append(beyond)
    return tuple(problems), tuple(warnings)


def _forecastable(plan: Strategy, step: Step, rates: Rates) -> bool:
    """Whether all that a step depends on was measured: for a pass, the base of each metric."""
    if step.until is not Until.PASS:
        return True
    kinds = {metric.kind for metric in plan.metrics if metric.waited_for}
    return rates.error_rate is not None and kinds <= {MetricKind.ERRORS}


def _too_long(plan: Strategy, where: str, seconds: float, rate: float) -> str:
    needs = f"{where} needs about {seconds:.0f} s at {rate:g} requests per second"
    if plan.time_box is not None:
        return (
            f"{needs}, and its time box ends after {plan.longest_wait:.0f} s: it states a bound "
            f"then ({plan.time_box.then})"
        )
    return (
        f"{needs} and is paused after {plan.longest_wait:.0f} s without an answer: raise its "
        "percent or deadlines.data_seconds"
    )


def _needs_requests(plan: Strategy, step: Step) -> bool:
    """Whether a step ends by counted requests that chance sends to the candidate."""
    waits = step.until is Until.APPROVAL or step.candidate_traffic.match
    return not (waits or experiments.asked(plan))


def _nobody_calls(plan: Strategy, urls: Sequence[str]) -> str:
    where = "the endpoint"
    if urls:
        where = urls[0]
    return (
        f"nobody calls {where}: no request was counted lately, and a step that gets none is paused "
        f"after {plan.deadlines.data:.0f} s"
    )


def _base(body: StartRollout) -> Strategy:
    request = pace.kind_of(body) or body.strategy
    if isinstance(request, StrategyIn):
        return Strategy(request.kind, tuple(_step(step) for step in request.steps), request.ending)
    bake = {}
    if body.bake_seconds is not None:
        bake = {"bake": body.bake_seconds}
    match request:
        case Kind.CANARY:
            return strategy.canary(body.steps or strategy.CANARY_PERCENTS, **bake)
        case Kind.AB:
            until = body.until or (
                Until.APPROVAL if body.analysis.metrics.experiment is None else Until.PASS
            )
            percent = strategy.AB_PERCENT
            if body.percent is not None:
                percent = body.percent
            return strategy.ab(percent, _matches(body.match or ()), until=until, **bake)
        case Kind.BLUE_GREEN:
            return strategy.blue_green(**bake)
        case Kind.SHADOW:
            mirror = strategy.SHADOW_MIRROR
            if body.mirror_percent is not None:
                mirror = body.mirror_percent
            return strategy.shadow(mirror, **bake)
        case Kind.MANUAL:
            return strategy.manual()


def _step(step: StepIn) -> Step:
    candidate_traffic = CandidateTraffic(
        step.percent, _matches(step.match), step.mirror_percent, step.replicas_percent
    )
    return Step(candidate_traffic, step.until, step.bake_seconds)


def _matches(headers: Sequence[HeaderIn]) -> tuple[HeaderMatch, ...]:
    return tuple(HeaderMatch(header.name, header.value) for header in headers)


def _check_fields(body: StartRollout) -> Iterator[Problem]:
    """Fields of one strategy beside another are a misunderstanding, so they are refused and not
    ignored."""
    written = isinstance(body.strategy, StrategyIn)
    for field, kind in _BELONGS.items():
        if getattr(body, field) is not None and body.strategy is not kind:
            where = "its steps carry it"
            if not written:
                where = f"it belongs to strategy {kind.value!r}"
            yield Problem(
                f"/{field}", f"does not fit here, for {where}", Remediation("leave it out")
            )
    if body.bake_seconds is not None and (written or body.strategy is Kind.MANUAL):
        yield Problem(
            "/bake_seconds",
            "does not fit here, for it belongs to the steps of a plan",
            Remediation("leave it out"),
        )
    if body.percent is not None and body.match is not None:
        yield Problem(
            "/percent",
            "an A/B is by percent or by header match, not both",
            Remediation("leave one out"),
        )
    kind = body.strategy.kind if isinstance(body.strategy, StrategyIn) else body.strategy
    copies = isinstance(body.strategy, StrategyIn) and any(
        step.mirror_percent for step in body.strategy.steps
    )
    if (kind is Kind.SHADOW or copies) and body.side_effects is None:
        yield Problem(
            "/side_effects",
            "is required for a shadow, and wherever requests are mirrored: copies run the model "
            "twice",
            Remediation(
                "say so when that changes nothing outside, else use another strategy",
                "'none'",
                "--no-side-effects",
            ),
        )


def _check_steps(body: StartRollout) -> Iterator[Problem]:
    if body.steps is not None:
        yield from _check_rising(body.steps, "/steps")
    if isinstance(body.strategy, StrategyIn):
        for index, step in enumerate(body.strategy.steps):
            if step.percent == 100:
                yield _hundred(f"/strategy/steps/{index}/percent")
            if not (
                step.percent or step.match or step.mirror_percent or step.until is Until.APPROVAL
            ):
                detail = "without requests nothing can answer this step"
                remediation = Remediation("give it a percent, or until 'approval'")
                yield Problem(f"/strategy/steps/{index}/percent", detail, remediation)
            yield from _check_shadow(body.strategy.kind, index, step)
        if body.strategy.kind is Kind.CANARY:
            moving = [step.percent for step in _without_stops(body.strategy.steps)]
            yield from _check_rising(moving, "/strategy/steps")
    if body.percent == 100:
        yield _hundred("/percent")


def _without_stops(steps: Sequence[StepIn]) -> Iterator[StepIn]:
    """The steps that move traffic: one that waits for a person may stay at the percent before
    it."""
    last: StepIn | None = None
    for step in steps:
        if last is None or step.percent != last.percent or step.until is not Until.APPROVAL:
            yield step
        last = step


def _check_shadow(kind: Kind, index: int, step: StepIn) -> Iterator[Problem]:
    """Copies are never judged together with live requests, so a shadow has no live share."""
    if kind is not Kind.SHADOW:
        return
    if step.percent or step.match:
        field = "match"
        if step.percent:
            field = "percent"
        yield Problem(
            f"/strategy/steps/{index}/{field}",
            "a shadow's candidate gets copies only",
            Remediation("leave it out, or make it a canary or an A/B"),
        )
    if not step.mirror_percent:
        yield Problem(
            f"/strategy/steps/{index}/mirror_percent",
            "a shadow's step needs copies",
            Remediation("send 1 to 100"),
        )


def check_copies(plan: Strategy, caps: Capabilities, protocol: Protocol) -> tuple[Problem, ...]:
    """Why the answers to copies could never be judged here, before a shadow starts."""
    message = caps.copies
    if protocol is Protocol.GRPC_V2 and not message:
        message = "gateways count no grpc-status of copies, and this endpoint speaks gRPC"
    if (
        plan.kind is not Kind.SHADOW
        or not message
        or all(step.until is Until.APPROVAL for step in plan.steps)
    ):
        return ()
    detail = f"no data: {message}"
    text = "let a person end the shadow (steps until 'approval'), or use a canary"
    return (Problem("/strategy", detail, Remediation(text)),)


def _check_rising(percents: Sequence[int], field: str) -> Iterator[Problem]:
    if any(later <= earlier for earlier, later in pairwise(percents)):
        yield Problem(
            field,
            f"{list(percents)} does not rise",
            Remediation("put each percent above the one before"),
        )
    if 100 in percents and field == "/steps":
        yield _hundred(field)
    if percents[0] == 0 and field == "/steps":
        yield Problem(
            field,
            "0 is no step: the candidate gets ready at 0 % before the first one by itself",
            Remediation("leave it out"),
        )


def _hundred(field: str) -> Problem:
    return Problem(
        field,
        "100 is the promotion, which follows the last step by itself",
        Remediation("end at 99 or below"),
    )
