"""The names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3  # names that are suggested
ALIKE = 0.6  # of difflib's ratio: two slips in a word of five letters
LONGEST = 253  # characters; nothing here is called anything longer


def near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names most like this one, the nearest first, letters' case aside; () where none is like it."""
    spelled = {each.lower(): each for each in known}
    matches = get_close_matches(name[:LONGEST].lower(), spelled, n=MOST, cutoff=ALIKE)
    return tuple(spelled[match] for match in matches)


def hint(name: str, known: Iterable[str]) -> str:
    """` (did you mean a or b?)`, to stand behind the wrong name; "" where nothing is near."""
    names = near(name, known)
    return f" (did you mean {' or '.join(names)}?)" if names else ""
