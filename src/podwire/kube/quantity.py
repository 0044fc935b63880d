"""Quantities: ``100m``, ``1.5Gi``, ``2e3`` (k8s.io/apimachinery, pkg/api/resource)."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

import msgspec

_TEXT: Final = re.compile(r"(?P<number>[+-]?[0-9]+\.?[0-9]*|[+-]?\.[0-9]+)(?P<unit>[eE][+-]?[0-9]+|[a-zA-Z]*)")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


class Quantity(msgspec.Struct, frozen=True):
    """An exact number, and how it is written: ``decimal`` (k, M …), ``binary`` (Ki, Mi …) or ``exponent`` (e3)."""

    value: Fraction = Fraction(0)
    form: str = "decimal"

    @classmethod
    def parse(cls, text: object) -> Quantity:
        """Raises ``ValueError`` for what is no quantity."""
        match = _TEXT.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(f"{text!r}: expected a quantity such as 100m or 1Gi")
        number, unit = Fraction(match["number"]), match["unit"]
        if unit in _DECIMAL:
            return cls(number * Fraction(10) ** _DECIMAL[unit])
        if unit in _BINARY:
            return cls(number * 1024 ** _BINARY.index(unit), "binary")
        if unit[0] in "eE" and unit[1:]:
            return cls(number * Fraction(10) ** int(unit[1:]), "exponent")
        raise ValueError(f"{text!r}: expected a quantity such as 100m or 1Gi")

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + other.value, other.form if not self.value else self.form)

    def __str__(self) -> str:
        if not self.value:
            return "0"
        if self.form == "binary" and abs(self.value) >= 1024:
            return self._binary()
        number = Fraction(math.ceil(self.value * 10**9), 10**9)
        exponent = -9
        while exponent < 18 and (number / Fraction(10) ** (exponent + 3)).denominator == 1:
            exponent += 3
        mantissa = number / Fraction(10) ** exponent
        if self.form == "exponent":
            return f"{mantissa}e{exponent}" if exponent else f"{mantissa}"
        unit = next(unit for unit, power in _DECIMAL.items() if power == exponent)
        return f"{mantissa}{unit}"

    def _binary(self) -> str:
        if self.value.denominator != 1:  # below one: as a decimal with thousandths
            return str(Quantity(self.value))
        number, power = int(self.value), 0
        while power < len(_BINARY) - 1 and number % 1024 == 0:
            number, power = number // 1024, power + 1
        return f"{number}{_BINARY[power]}"

    @property
    def whole(self) -> int:
        """Rounded up (``Value``)."""
        return math.ceil(self.value)

    @property
    def milli(self) -> int:
        """Thousandths, rounded up (``MilliValue``)."""
        return math.ceil(self.value * 1000)
