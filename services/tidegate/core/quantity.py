"""Kubernetes quantities in the one form in which the API server gives them back.

KServe's webhook reads an InferenceService and writes it anew, and Go's Quantity is then written
canonically (apimachinery, pkg/api/resource/quantity.go): `1000m` comes back as `1`, `1024Mi` as
`1Gi`. What was written in another form would look changed by somebody at every reconcile.
"""

import re
from fractions import Fraction

_FORM = re.compile(r"([0-9]+)(?:\.([0-9]{1,3}))?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_DECIMAL = ("m", "", "k", "M", "G", "T")  # thousands of one another
_BINARY = ("", "Ki", "Mi", "Gi", "Ti")  # 1024s


def canonical(text: str) -> str:
    """The same amount as Kubernetes writes it: the largest suffix that needs no fraction. Fractions
    (up to thousandths) are understood without suffix only. Raises ValueError."""
    match = _FORM.fullmatch(text)
    if match is None or (match[2] and match[3]):
        raise ValueError(f"{text!r} is not a quantity such as 500m, 0.5, 2 or 4Gi")
    suffix = match[3] or ""
    if suffix.endswith("i"):
        return _largest(int(match[1]), 1024, _BINARY[_BINARY.index(suffix) :])
    if match[2] is not None:
        return _largest(int(match[1] + match[2].ljust(3, "0")), 1000, _DECIMAL)
    return _largest(int(match[1]), 1000, _DECIMAL[_DECIMAL.index(suffix) :])


def amount(text: str) -> Fraction:
    """How much a quantity is, in units (cores, bytes). Raises ValueError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 500m, 0.5, 2 or 4Gi")
    suffix = match[3] or ""
    binary = suffix.endswith("i")
    # below the plain unit: thousandths
    if binary:
        power = _BINARY.index(suffix)
    else:
        power = _DECIMAL.index(suffix) - 1
    return (
        Fraction(f"{match[1]}.{match[2] or 0}")
        * (Fraction(1024) if binary else Fraction(1000)) ** power
    )


def _largest(amount: int, base: int, suffixes: tuple[str, ...]) -> str:
    place = 0
    while amount and amount % base == 0 and place + 1 < len(suffixes):
        amount = amount // base
        place = place + 1
    if amount:
        return f"{amount}{suffixes[place]}"
    return "0"
