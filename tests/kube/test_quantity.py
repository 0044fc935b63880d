"""Quantities are written as the API server writes them."""

import pytest

from podwire.kube.quantity import Quantity


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("0.5", "500m"),
        ("1.0", "1"),
        (2, "2"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1000Mi", "1000Mi"),
        ("1000k", "1M"),
        ("100M", "100M"),
        ("0.5Gi", "512Mi"),
        ("512", "512"),
        ("1Ki", "1Ki"),
        ("2e3", "2e3"),
        ("0", "0"),
        ("0Mi", "0"),
        ("47060071478", "47060071478"),
    ],
)
def test_a_quantity_has_one_form(given, written):
    assert str(Quantity.parse(given)) == written


def test_a_sum_is_written_as_its_first_part():
    assert str(Quantity.parse("100M") + Quantity.parse("1Gi")) == "1173741824"
    assert str(Quantity() + Quantity.parse("1Gi")) == "1Gi"
    assert str(Quantity.parse("512Mi") + Quantity.parse("0.5Gi")) == "1Gi"
    assert Quantity.parse("1100m").whole == 2
    assert Quantity.parse("0.0001").milli == 1


@pytest.mark.parametrize("text", ["", "1x", "Mi", "1 Gi", "--1"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="expected a quantity such as 100m or 1Gi"):
        Quantity.parse(text)
