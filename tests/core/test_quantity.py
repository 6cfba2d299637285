"""Quantities as Kubernetes gives them back."""

import pytest

from tidegate.core.quantity import canonical


@pytest.mark.parametrize(
    ("written", "given_back"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("500m", "500m"),
        ("0.5", "500m"),
        ("1.50", "1500m"),
        ("2.0", "2"),
        ("2000", "2k"),
        ("1000M", "1G"),
        ("4Gi", "4Gi"),
        ("4096Mi", "4Gi"),
        ("1536Mi", "1536Mi"),
        ("1000Mi", "1000Mi"),
        ("1048576Ki", "1Gi"),
        ("0", "0"),
        ("0Mi", "0"),
    ],
)
def test_the_form_of_kubernetes(written: str, given_back: str) -> None:
    assert canonical(written) == given_back
    assert canonical(given_back) == given_back


@pytest.mark.parametrize("text", ["", "lots", "1.5Gi", "0.5m", "1.2345", "-1", "4 Gi", "1e3"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity such as"):
        canonical(text)
