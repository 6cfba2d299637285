"""What the service refuses in terms of REST, the CLI says in terms of its own options and
commands."""

import httpx2
import pytest

from tidegate.cli import problem_text
from tidegate.client.errors import ApiProblem, problem_of
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey
from tidegate.core.precedence import NoCandidate
from tidegate.deployment_service import action_refusals, lookup, preconditions
from tidegate.deployment_service.endpoint_changes import exists
from tidegate.web.problems import ApiError, invalid, refuse, render


def as_read(error: ApiError) -> str:
    """As the CLI reads it from the wire."""
    answer = render(error, "/", "r-1")
    return problem_text.text(problem_of(httpx2.Response(error.status, content=bytes(answer.body))))


def bad(field: str) -> Problem:
    return Problem(field, "bad", Remediation("mend it"))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            refuse("/steps", "[5, 1] does not rise", Remediation("put each above the one before")),
            "--steps: [5, 1] does not rise: put each above the one before",
        ),
        (
            invalid([bad("/steps"), bad("/analysis/alpha")]),
            "--steps: bad: mend it; --alpha: bad: mend it",
        ),
        (invalid([bad("/steps/2")]), "--steps: bad: mend it"),
        (invalid([bad("/autoscaling/minReplicas")]), "--min: bad: mend it"),
        (
            invalid([bad("/strategy/steps/0/percent")]),
            "/strategy/steps/0/percent: bad: mend it",
        ),  # only in a file
        (
            action_refusals.refusal(EndpointKey("demo", "x"), NoCandidate()),
            "PERCENT: there is no candidate to send traffic to: name a version or a revision "
            "(--version or --revision)",
        ),
        (
            exists(EndpointKey("demo", "x")),
            "endpoint demo/x exists: start a rollout to bring a new version, or change the "
            "endpoint "
            "(tidegate rollout start x -n demo)",
        ),
        (
            lookup.not_found("endpoint", "demo/x", lookup.FIND_ENDPOINT),
            "there is no endpoint 'demo/x': list the endpoints, or make one "
            "(tidegate endpoint list, or tidegate endpoint create)",
        ),
    ],
)
def test_a_refusal_names_options_and_commands_that_this_user_has(
    error: ApiError, text: str
) -> None:
    assert as_read(error) == text


def test_a_stale_generation_is_no_header_to_this_user() -> None:
    with pytest.raises(ApiError) as refused:
        preconditions.check_match('"7"', 8)
    assert "ETag" not in as_read(refused.value)


def test_a_refusal_without_items_is_shown_as_it_came() -> None:
    assert (
        problem_text.text(ApiProblem(503, "Service Unavailable", "the database is away"))
        == "the database is away"
    )
