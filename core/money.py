"""Money and capacity: Decimal only. Pounds are rounded once, half up, to the penny."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

PENNY = Decimal("0.01")
WATT = Decimal("0.001")  # of a kW
HALF = Decimal("0.5")  # hours in a half-hour


def to_the_penny(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_UP)


def contract_value_gbp(*, price_gbp_per_kwh: Decimal, sold_kw: Decimal, half_hours: int) -> Decimal:
    """Return price x sold kW x hours in £, rounded once (domain 2).

    The price is in £ for a kW of capacity for an hour, not for energy.
    """
    return to_the_penny(price_gbp_per_kwh * sold_kw * HALF * half_hours)


def agreed_kw(*, kva: Decimal, power_factor: Decimal) -> Decimal:
    """Return kVA x power factor in kW, rounded down to the watt (domain 2)."""
    return (kva * power_factor).quantize(WATT, ROUND_DOWN)
