"""The page about the guardrails names the policies and their parameters as they are."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guardrails.md").read_text()
NAMES = sorted(path.name for path in (ROOT / "policies").iterdir())


def test_every_policy_and_every_parameter_is_where_the_page_says() -> None:
    assert sorted(re.findall(r"^\| `([a-z-]+)` \| [a-zA-Z]", PAGE, re.MULTILINE)) == NAMES
    messages = re.findall(
        r"^\| `([a-z-]+)` \| `/spec/(\w+)/(\d)`(?: `(\w+)`)? \|", PAGE, re.MULTILINE
    )
    assert len(messages) == 8
    for name, field, index, variable in messages:
        spec = yaml.safe_load((ROOT / "policies" / name / f"{name}.yaml").read_text())["spec"]
        assert variable in ("", spec[field][int(index)]["name"]), name
