"""What a tenant may name, field by field: what is on the list passes, what is not is refused with a
way out."""

from dataclasses import replace

import pytest

from tidegate.core.allowed import EVERYTHING, Allowed, Limits, check_size, check_spec, narrow
from tidegate.core.intent import Model, Pods, Restriction, Runtime, Scaling, Toleration
from tidegate.core.quantity import amount

MODEL = Model("add_sub", "1", "s3://models/team-a/add_sub/1/", "sha256-1")
PLAIN = Runtime()
NARROW = narrow(("s3", "https"))
DEDICATED = Toleration("dedicated", "Equal", "gpu", "NoSchedule")


def refused(allowed: Allowed, runtime: Runtime = PLAIN, uri: str = MODEL.uri) -> list[str]:
    """The fields of every refusal."""
    return [
        problem.field for problem in check_spec("team-a", replace(MODEL, uri=uri), runtime, allowed)
    ]


def test_the_default_lends_nothing_and_takes_the_plain_payload() -> None:
    assert refused(NARROW) == []
    assert refused(NARROW, Runtime(version="24.08-py3", gpu=1)) == []
    every = Pods(
        service_account="cluster-admin",
        storage_secret="team-b-s3",
        node_selector=(("pool", "gold"),),
        tolerations=(DEDICATED,),
    )
    runtime = Runtime(
        "team-b-runtime", version="24.08-py3", gpu=1, gpu_type="nvidia.com/mig-1g.10gb", pods=every
    )
    assert refused(NARROW, runtime, "gs://team-b/secret/") == [
        "/model_version_id",
        "/runtime",
        "/runtime_config/gpuType",
        "/runtime_config/serviceAccountName",
        "/runtime_config/storageSecret",
        "/runtime_config/nodeSelector/pool",
        "/runtime_config/tolerations/0",
    ]
    assert refused(EVERYTHING, runtime, "gs://team-b/secret/") == []


def test_a_refusal_names_value_rule_and_way_out() -> None:
    allowed = replace(NARROW, service_accounts=("reader", "writer-*"))
    runtime = Runtime(pods=Pods(service_account="cluster-admin"))
    (problem,) = check_spec("team-a", MODEL, runtime, allowed)
    assert problem.sentence == (
        "'cluster-admin' is no service account that tenant 'team-a' may name (it may name reader, "
        "writer-*): choose "
        "another, or ask an administrator to allow it (PUT /api/v1/tenants/{namespace})"
    )


@pytest.mark.parametrize(
    ("listed", "named", "passes"),
    [
        ("reader", "reader", True),
        ("reader", "reader-2", False),
        ("read", "reader", False),
        ("reader-*", "reader-2", True),
        ("reader-*", "reader", False),
        ("*", "anything", True),
    ],
)
def test_names_match_whole_or_by_their_beginning(listed: str, named: str, passes: bool) -> None:
    fields = {
        "service_accounts": Runtime(pods=Pods(service_account=named)),
        "secrets": Runtime(pods=Pods(storage_secret=named)),
        "runtimes": Runtime(named),
        "image_tags": Runtime(version=named),
        "gpu_types": Runtime(gpu=1, gpu_type=named),
    }
    requests = [
        *fields.items(),
        ("secrets", Runtime(security=Restriction(("trace",), named, "token"))),
    ]
    for name, runtime in requests:
        base = replace(EVERYTHING, **{name: (listed,)})
        assert (refused(base, runtime) == []) is passes, name
        assert refused(replace(EVERYTHING, **{name: ()}), runtime), name


@pytest.mark.parametrize(
    ("prefix", "uri", "passes"),
    [
        ("s3://models/team-a/", "s3://models/team-a/add_sub/1/", True),
        ("s3://models/team-a", "s3://models/team-a/", True),
        ("s3://models/team-a", "s3://models/team-ab/", False),
        ("s3://models/team-a", "s3://models/team-a", False),  # it lists team-ab/ as well
        ("s3://models/team-a/", "s3://models/team-a", False),
        ("pvc://claim/team-a", "pvc://claim/team-a", True),
        ("s3://models/team-a/", "s3://models/team-b/", False),
        ("s3://models/team-a/", "s3://models/team-a/../team-b/", False),
        ("s3://models/team-a/", "s3://models/team-a/%2e%2e/team-b/", False),
        ("file:///srv/a/", "file:///srv/a/..%2fb/", False),
        ("s3://models/team-a/", "s3://models/team-a/\\..\\team-b/", False),
        ("s3://", "s3://any/where/", True),
        ("s3://", "gs://any/where/", False),
        ("s3://models/", "S3://models/x/", False),
        ("https://models.example/", "https://models.example@evil.example/x", False),
        ("https://models.example/", "https://models.example.evil.example/x", False),
        ("https://", "https://me:secret@models.example/x", False),
        ("*", "s3://b/\nx", False),
        ("*", "models/add_sub", False),
        ("*", "s3://[oops/x", False),
    ],
)
def test_addresses_lie_below_a_prefix_by_whole_segments(
    prefix: str, uri: str, passes: bool
) -> None:
    allowed = replace(EVERYTHING, uri_prefixes=(prefix,))
    assert refused(allowed, uri=uri) == ([] if passes else ["/model_version_id"])


@pytest.mark.parametrize(
    ("listed", "passes"),
    [
        ("pool", True),
        ("pool=gold", True),
        ("pool=go*", True),
        ("pool=silver", False),
        ("po*", True),
        ("other", False),
        ("*", True),
    ],
)
def test_a_node_selector_is_listed_by_key_or_by_key_and_value(listed: str, passes: bool) -> None:
    runtime = Runtime(pods=Pods(node_selector=(("pool", "gold"),)))
    assert (refused(replace(EVERYTHING, node_selectors=(listed,)), runtime) == []) is passes


EXISTS = Toleration("dedicated", "Exists")
KEYLESS = Toleration(operator="Exists")


@pytest.mark.parametrize(
    ("listed", "toleration", "passes"),
    [
        ("dedicated", DEDICATED, True),
        ("dedicated=gpu", DEDICATED, True),
        ("dedicated=gpu:NoSchedule", DEDICATED, True),
        ("dedicated:NoSchedule", DEDICATED, True),
        ("dedicated=gpu:NoExecute", DEDICATED, False),
        ("dedicated=cpu", DEDICATED, False),
        (
            "dedicated=gpu:NoSchedule",
            replace(DEDICATED, effect=""),
            False,
        ),  # no effect: every effect
        ("dedicated", EXISTS, True),
        ("dedicated=gpu", EXISTS, False),  # Exists: every value
        ("dedicated=*", EXISTS, True),
        ("ded*", EXISTS, True),
        ("dedicated", KEYLESS, False),  # no key: every taint
        ("**", KEYLESS, False),
        ("*", KEYLESS, True),
    ],
)
def test_a_toleration_is_covered_with_everything_that_it_stands(
    listed: str, toleration: Toleration, passes: bool
) -> None:
    runtime = Runtime(pods=Pods(tolerations=(toleration,)))
    assert (refused(replace(EVERYTHING, tolerations=(listed,)), runtime) == []) is passes


def test_a_slash_in_a_label_is_escaped_in_the_pointer() -> None:
    runtime = Runtime(pods=Pods(node_selector=(("nvidia.com/gpu.product", "L4"),)))
    assert refused(NARROW, runtime) == ["/runtime_config/nodeSelector/nvidia.com~1gpu.product"]


def test_limits_hold_for_each_pod_and_for_replicas() -> None:
    limited = replace(EVERYTHING, limits=Limits("2", "4Gi", 1, 3))
    assert refused(limited, Runtime(gpu=1, pods=Pods("2000m", "4096Mi"))) == []
    assert refused(limited, Runtime(gpu=2, pods=Pods("2001m", "4.1"))) == [
        "/runtime_config/gpu",
        "/runtime_config/resources/cpu",
    ]
    assert refused(limited, Runtime(pods=Pods(memory="5G"))) == ["/runtime_config/resources/memory"]
    assert check_size("team-a", Scaling(1, 3), limited) == ()
    (problem,) = check_size("team-a", Scaling(1, 4), limited)
    assert problem.field == "/autoscaling/maxReplicas"
    assert "4 is above 3" in problem.sentence
    # Fewer than before
    assert check_size("team-a", Scaling(1, 4), limited, old=Scaling(1, 5)) == ()
    assert check_size("team-a", Scaling(1, 6), limited, old=Scaling(1, 5)) != ()


def test_amounts_compare_across_suffixes() -> None:
    assert amount("1500m") == amount("1.5")
    assert amount("1Gi") == 1024 * amount("1Mi") == 2**30
    assert amount("5G") > amount("4Gi") > amount("4G")
    assert amount("0.001") == amount("1m")
