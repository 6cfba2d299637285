"""The page at the end of a pipeline."""

from html.parser import HTMLParser

from tests.steps.standin import over, verdict
from tidegate.schemas.responses import RolloutOut
from tidegate.steps.summary import page

LINK = "http://tidegate.example/api/v1/rollouts/1"


class Reader(HTMLParser):
    """Every text, tag and attribute; fails where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open = list[str]()
        self.tags = set[str]()
        self.texts = list[str]()
        self.paths = list[str]()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.paths += [value for key, value in attrs if key == "d"]
        if tag not in ("meta", "line", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("line", "path", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def reader(**changes) -> Reader:
    ended = over(
        "aborted",
        "r2 fails <20 %> & more",
        verdicts=[verdict("fail", "20 % against 0.11 %")],
        **changes,
    )
    result = Reader()
    result.feed(
        page(
            RolloutOut.model_validate(ended),
            [(0.0, 0.0), (10.0, 10.0), (60.0, 50.0), (90.0, 0.0)],
            LINK,
        )
    )
    assert result.open == []
    return result


def test_it_says_how_it_ended_and_on_which_counts() -> None:
    messages = reader().texts
    for text in (
        "team/fraud: canary of r2 against r1",
        "aborted",
        " r2 fails <20 %> & more",
        "fail",
    ):
        assert text in messages
    assert "20 of 100 bad (20.00 %)" in messages
    assert "1 of 900 bad (0.11 %)" in messages


def test_traffic_is_drawn_as_it_was_desired() -> None:
    result = reader()
    assert result.paths == ["M44.0,138.0H118.2V125.0H489.3V73.0H712.0V138.0"]


def test_it_needs_nothing_from_elsewhere() -> None:
    assert not reader().tags & {"script", "link", "img", "iframe"}


def test_without_metrics_it_says_so() -> None:
    result = Reader()
    undone = over("promoted", "undo", steps=[], strategy="undo")
    result.feed(page(RolloutOut.model_validate(undone), [], LINK))
    assert "No metric was configured." in result.texts
