"""`tidegate tenant`, and files that are not what they seem."""

import yaml

from tests.cli.conftest import Cli
from tests.cli.fakes import FakeApi

ALLOWED = {
    "serviceAccounts": [],
    "secrets": ["team-a-s3"],
    "uriPrefixes": ["s3://models/team-a/"],
    "runtimes": ["kserve-tritonserver"],
    "imageTags": ["*"],
    "nodeSelectors": [],
    "tolerations": [],
    "gpuTypes": ["nvidia.com/gpu"],
    "limits": {"cpu": "8", "memory": None, "gpu": 1, "replicas": None},
}
TENANT = {
    "namespace": "demo",
    "default": False,
    "generation": 3,
    "allowed": ALLOWED,
    "updated_by": "ann",
    "dry_run": False,
    "warnings": [],
}


def test_a_tenant_is_shown_edited_and_set_against_what_was_seen(
    api: FakeApi, cli: Cli, tmp_path
) -> None:
    api.on("GET", "/tenants/demo", TENANT)
    api.on("PUT", "/tenants/demo", {**TENANT, "generation": 4})
    result = cli("tenant", "show")
    assert result.code == 0
    assert "Service accounts:  none" in result.out
    assert "At most:           cpu 8, gpu 1" in result.out
    file = tmp_path / "demo.yaml"
    file.write_text(cli("tenant", "show", "-o", "yaml").out)
    assert cli("tenant", "set", "-f", str(file), "--reason", "more").code == 0
    sent = api.asked[-1]
    assert sent.body == {"allowed": ALLOWED, "reason": "more"}
    assert sent.headers["If-Match"] == '"3"'
    file.write_text(yaml.safe_dump(ALLOWED))  # the list alone will do
    assert cli("tenant", "set", "demo", "-f", str(file)).code == 0
    assert api.asked[-1].body["allowed"] == ALLOWED
    assert "If-Match" not in api.asked[-1].headers


def test_a_file_that_unfolds_without_end_is_refused_before_it_does(
    api: FakeApi, cli: Cli, tmp_path
) -> None:
    file = tmp_path / "bomb.yaml"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    for text, message in (
        ("\n".join(lines), "unfolds to more than"),
        ("a: &a [*a]", "unfolds to more than"),
        ("a: " + "x" * 1_000_001, "more than 1000000 characters"),
    ):
        file.write_text(text)
        done = cli("endpoint", "create", "-f", str(file))
        assert done.code == 1
        assert message in done.err
    assert api.asked == []
