"""Elements as text, with everything escaped that comes from outside."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Text that is markup already: it is not escaped again."""

    __slots__ = ()


def element(name: str, *children: str | None, **attributes: str | float | None) -> Html:
    """One element. Children that are no `Html` are escaped, None is nothing. Attributes: `class_`
    stands for class, other underscores for hyphens; None leaves one out."""
    inside = "".join(_text(child) for child in children if child is not None)
    return Html(f"<{name}{_attributes(attributes)}>{inside}</{name}>")


def join(children: Iterable[str], between: str = "\n") -> Html:
    """Several, one after the other."""
    return Html(between.join(_text(child) for child in children))


def number(value: float) -> str:
    """A coordinate: short, and the same on every machine."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _text(child: str) -> str:
    if isinstance(child, Html):
        return child
    return escape(child)


def _attributes(attributes: dict[str, str | float | None]) -> str:
    parts = []
    for key, value in attributes.items():
        if value is None:
            continue
        text = str(value)
        if isinstance(value, float):
            text = number(value)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return "".join(parts)
