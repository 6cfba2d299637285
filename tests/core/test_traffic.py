"""Traffic: what an intent asks for, when two are the same, and the route there and back."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.core.values import KEY, intent, split
from tidegate.core.drivers import route
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import CandidateTraffic, HeaderMatch
from tidegate.core.traffic import Rule, Share, Traffic, describe, desired, rises, same

PLATFORM = Platform("store")
INTENT = intent(25)
BETA = (HeaderMatch("x-beta", "yes"),)


def test_what_an_intent_asks_for() -> None:
    assert desired(intent(stable=None, candidate=None)) is None
    assert desired(intent(candidate=None)) == Traffic((Rule((), (Share(1, 100),)),))
    assert desired(intent(25)) == split(25)
    header = desired(intent(candidate_traffic=CandidateTraffic(match=BETA)))
    assert describe(header) == "[x-beta: yes] r2 100 %; r1 100 %"
    assert (
        describe(desired(intent(candidate_traffic=CandidateTraffic(mirror=30))))
        == "r1 100 %, 30 % mirrored to r2"
    )


def test_shares_of_nothing_and_order_do_not_matter() -> None:
    assert same(split(0), Traffic((Rule((), (Share(1, 100),)),)))
    assert same(Traffic((Rule((), (Share(2, 40), Share(1, 60))),)), split(40))
    assert not same(split(40), split(41))
    assert not same(split(0), None)
    assert same(None, None)


def test_the_largest_share_looks_at_every_rule() -> None:
    traffic = Traffic((Rule(BETA, (Share(2, 100),)), Rule((), (Share(1, 95), Share(2, 5)))))
    assert (traffic.most(2), traffic.percent(2), traffic.revisions) == (100, 5, (2, 1))


percents = st.integers(0, 100)
matched = st.dictionaries(
    st.sampled_from(["x-beta", "x-team"]), st.sampled_from(["a", "b"]), min_size=1
)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """As the driver writes them: the unmatched rule last, every revision in every rule."""
    mirrors = tuple(
        Share(3, percent) for percent in draw(st.lists(st.integers(1, 100), max_size=1))
    )
    rules = []
    for headers in (*draw(st.lists(matched, max_size=2)), {}):
        match = tuple(HeaderMatch(name, value) for name, value in headers.items())
        percent = draw(percents)
        rules.append(
            Rule(match, (Share(1, 100 - percent), Share(12, percent)), mirrors if not match else ())
        )
    return Traffic(tuple(rules))


@given(traffics())
def test_a_route_there_and_back(traffic: Traffic) -> None:
    written = route.render(INTENT, traffic, (1, 12), PLATFORM)
    assert route.parse(KEY, written) == (traffic, ())
    assert route.slots_of(traffic) == (1, 12)


def test_grpc_and_http_are_separate_rules_of_one_route() -> None:
    written = route.render(INTENT, split(25), (1, 2), PLATFORM)
    grpc, http = written["spec"]["rules"]
    assert [ref["port"] for ref in grpc["backendRefs"]] == [9000, 9000]
    assert [ref["port"] for ref in http["backendRefs"]] == [80, 80]
    assert [ref["weight"] for ref in http["backendRefs"]] == [75, 25]
    assert all(rule["timeouts"]["request"] for rule in (grpc, http))


def test_a_stranger_in_the_route_is_drift() -> None:
    written = route.render(INTENT, split(25), (1, 2), PLATFORM)
    written["spec"]["rules"][1]["backendRefs"].append({"name": "shadow", "port": 80, "weight": 9})
    _, drift = route.parse(KEY, written)
    assert "the route sends traffic to shadow, which is no revision of team/fraud" in drift


def test_a_route_is_settled_when_our_gateway_took_its_present_generation() -> None:
    written = route.render(INTENT, split(25), (1, 2), PLATFORM)
    written["metadata"]["generation"] = 4

    def settled(generation: int, resolved: str = "True", gateway: str = "tidegate") -> bool:
        conditions = [
            {"type": kind, "status": status, "observedGeneration": generation}
            for kind, status in (("Accepted", "True"), ("ResolvedRefs", resolved))
        ]
        parents = [{"parentRef": {"name": gateway}, "conditions": conditions}]
        return route.settled({**written, "status": {"parents": parents}}, PLATFORM)

    assert settled(4)
    assert not settled(3)
    assert not settled(4, resolved="False")
    assert not settled(4, gateway="another")
    assert not route.settled(written, PLATFORM)


def test_the_address_is_the_host_outside_unless_the_data_plane_tells_another() -> None:
    traffic = desired(INTENT)
    assert traffic is not None
    for tls, scheme in ((False, "http"), (True, "https")):
        platform = replace(
            PLATFORM, gateway=Gateway(host_template="{name}.{namespace}.example.com", tls=tls)
        )
        manifest = route.render(INTENT, traffic, (1, 2), platform)
        assert (
            route.address(manifest, platform)
            == f"{scheme}://{KEY.name}.{KEY.namespace}.example.com"
        )
    state = {**manifest, "status": {"address": "http://127.0.0.1:4711"}}
    assert route.address(state, platform) == "http://127.0.0.1:4711"


def test_callers_inside_use_names_that_the_route_knows() -> None:
    traffic = desired(INTENT)
    assert traffic is not None
    platform = replace(PLATFORM, gateway=Gateway(service="gateway.gateways.svc.cluster.local"))
    names = route.render(INTENT, traffic, (1, 2), platform)["spec"]["hostnames"]
    inside = f"{KEY.name}.{KEY.namespace}.svc"
    assert names[1:] == [inside, f"{inside}.cluster.local"]


def test_more_requests_or_more_copies_are_a_rise() -> None:
    """One rule for every check: also copies reach the candidate's bytes."""
    mirror = [intent(candidate_traffic=CandidateTraffic(mirror=percent)) for percent in (0, 100)]
    match = intent(candidate_traffic=CandidateTraffic(match=(HeaderMatch("x", "y"),)))
    assert rises(2, *mirror)
    assert not rises(2, *reversed(mirror))
    assert rises(2, intent(0), match)
    assert rises(2, intent(10), intent(11))
    assert rises(
        2, intent(50), intent(stable=2, candidate=None, candidate_traffic=CandidateTraffic())
    )
    assert not rises(2, intent(10), intent(10))
    assert not rises(2, intent(candidate=None), intent(0)), "pods alone are none"


def test_a_promotion_beside_a_header_rises_and_rolling_back_does_not() -> None:
    header = intent(candidate_traffic=CandidateTraffic(match=BETA))
    promoted = intent(stable=2, candidate=None)
    assert rises(2, header, promoted)
    assert rises(2, header, intent(candidate_traffic=CandidateTraffic(match=BETA, percent=50)))
    assert rises(
        2, header, intent(candidate_traffic=CandidateTraffic(match=(HeaderMatch("x-team", "a"),)))
    )
    assert not rises(2, header, intent(candidate=None))
    assert not rises(2, intent(candidate_traffic=CandidateTraffic(match=BETA, percent=50)), header)
