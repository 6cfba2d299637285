"""Event streams: the present first, then each change, resumable, ended by the caller's limit."""

import json
import threading

import pytest

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"


def events(text):
    """The events of a stream that has ended."""
    results = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in block.splitlines()
            if ": " in line and not line.startswith(":")
        )
        if "event" in fields:
            results.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return results


def read(api, last=None, **query):
    headers = {}
    if last:
        headers = {"Last-Event-ID": last}
    answer = api.get(f"{PATH}/events", params={"limit_seconds": 0, **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events(answer.text)


def test_a_stream_begins_with_the_present(api):
    api.endpoint()
    ((kind, cursor, endpoint),) = read(api)
    assert (kind, endpoint["generation"]) == ("endpoint", 1)
    assert cursor


def test_a_reader_resumes_without_a_gap(api):
    api.endpoint()
    ((_, cursor, _),) = read(api)
    api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": 6}, "reason": "more"})
    api.rollout()
    later = read(api, last=cursor)
    assert [(kind, data.get("action")) for kind, _, data in later] == [
        ("ledger", "intent"),
        ("ledger", "rollout.start"),
        ("endpoint", None),
    ]
    assert read(api, last=later[-1][1]) == []
    api.reconcile(status={"phase": "ready"})
    ((kind, _, endpoint),) = read(api, last=later[-1][1])
    assert (kind, endpoint["status"]["phase"]) == ("endpoint", "ready")


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\r"])
def test_a_reason_with_a_line_separator_stays_one_event(api, separator):
    api.endpoint()
    ((_, cursor, _),) = read(api)
    api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": 6}, "reason": f"more{separator}of it"})
    (kind, _, entry), _ = read(api, last=cursor)
    assert (kind, entry["message"]) == ("ledger", f"more{separator}of it")


def test_a_waiting_reader_is_woken(make_api):
    api = make_api(keepalive=30)
    api.worker()
    api.endpoint()
    answers = []
    hub = api.client.app.state.services.hub
    with api.client:  # starts the listener
        reader = threading.Thread(target=lambda: answers.extend(read(api, limit_seconds=25)))
        reader.start()
        while not hub._streams:
            assert reader.is_alive()
            threading.Event().wait(0.01)
        api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": 6}})
        with api.store.read():
            pass
        api.call("DELETE", PATH, headers={"If-Match": '"2"'})
        api.reconcile(status={"phase": "gone"})  # ends the stream, long before its limit
        reader.join(20)
        assert not reader.is_alive()
    assert answers[-1][2]["phase"] == "gone"


def test_an_id_of_nobody_is_refused(api):
    api.endpoint()
    for last in ("x", "1", "1.2.3", "9" * 30 + ".1"):
        answer = api.get(
            f"{PATH}/events", params={"limit_seconds": 0}, headers={"Last-Event-ID": last}
        )
        assert answer.status_code == 422
    assert api.get("/api/v1/endpoints/team-a/none/events").status_code == 404
