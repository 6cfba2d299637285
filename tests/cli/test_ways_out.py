"""What the service says in terms of REST, the CLI says in terms of its own commands and options."""

import pytest

from tidegate.cli.ways_out import in_our_words
from tidegate.core.intent import EndpointKey
from tidegate.deployment_service import look, who_wins
from tidegate.deployment_service.endpoint_changes import exists
from tidegate.web.problems import refuse


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (refuse("/steps", "[5, 1] does not rise").detail, "--steps: [5, 1] does not rise"),
        (
            refuse("/autoscaling/minReplicas", "3 is more than maxReplicas 1").detail,
            "--min: 3 is more than maxReplicas 1",
        ),
        ("/steps: bad; /alpha: bad", "--steps: bad; --alpha: bad"),
        ("/steps/2: 150 is bad", "--steps: 150 is bad"),
        ("/revision: r1 already is stable: name another", "r1 already is stable: name another"),
        ("/strategy/steps/0/percent: bad", "/strategy/steps/0/percent: bad"),  # only a file can say that
        ("canary_percent 5 waits: PATCH it again when the", "5 % waits: repeat `tidegate set canary` when the"),
        (who_wins.no_candidate().detail, "there is no candidate to send traffic to: add --version or --revision"),
        (
            exists(EndpointKey("demo", "x")).detail,
            "endpoint demo/x exists: to bring a new version start a rollout (`tidegate rollout start`), anything else "
            "is changed through the API",
        ),
        (
            'If-Match "7" is stale: the endpoint is at generation 8; GET it again and decide anew',
            "it has changed meanwhile and is at generation 8: look again and decide anew",
        ),
        (
            "/autoscaling/keda: true needs KEDA: install it or send false",
            "--keda: needs KEDA: install it or leave it out",
        ),
        (
            look._no_endpoint(EndpointKey("demo", "x")).detail,
            "there is no endpoint 'demo/x': `tidegate endpoint list` shows them, `tidegate endpoint create` makes one",
        ),
        ("nothing to do with REST", "nothing to do with REST"),
    ],
)
def test_a_way_out_is_one_that_this_user_has(said: str, shown: str) -> None:
    assert in_our_words(said) == shown
