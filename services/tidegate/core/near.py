"""The names that somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 2  # names that are suggested
ALIKE = 0.7  # of difflib's ratio: one slip in a word of four letters
SHORTEST = 3  # characters of a name that is looked for within others
LONGEST = 253  # characters; nothing here is called anything longer


def near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names that contain this one, then those most like it, letters' case aside; () where
    none is like it."""
    lower = name[:LONGEST].lower()
    spelled = {each.lower(): each for each in known}
    whole = [each for each in spelled if len(lower) >= SHORTEST and lower in each]
    alike = get_close_matches(lower, spelled, n=MOST, cutoff=ALIKE)
    nearest = dict.fromkeys([*whole, *alike])
    return tuple(spelled[each] for each in nearest)[:MOST]


def hint(name: str, known: Iterable[str]) -> str:
    """` (did you mean a or b?)`, to stand behind the wrong name; "" where nothing is near."""
    names = near(name, known)
    if not names:
        return ""
    return f" (did you mean {' or '.join(names)}?)"
