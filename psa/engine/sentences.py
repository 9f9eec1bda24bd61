"""Why a study does not pass, in sentences."""

from __future__ import annotations

from datetime import datetime

from psa.engine.case import Check, CheckName, Constraint, Kind

CHECK_NAMES = {
    CheckName.OUTAGE: "Outage",
    CheckName.STEP_VOLTAGE: "Step voltage",
    CheckName.FAILURE_CASE: "Failure case",
}


def of_constraint(constraint: Constraint) -> str:
    """Say what an element would do past its limit, when it is worst."""
    verb = "is pushed" if constraint.kind is Kind.CREATED else "is pushed further"
    kind = {"bus": "bus", "line": "line"}.get(constraint.element_type, "transformer")
    if constraint.worst_value is None:
        return f"{kind} {constraint.element} loses its supply at {clock(constraint.worst_at)}."
    places = 4 if constraint.unit == "pu" else 1
    side = "below" if constraint.quantity == "vm_pu_low" else "above"
    unit = constraint.unit if constraint.unit == "%" else f" {constraint.unit}"
    return (
        f"{kind} {constraint.element} {verb} {side} its limit of "
        f"{constraint.limit:.{2 if places == 4 else 0}f}{unit}, to "
        f"{constraint.worst_value:.{places}f}{unit} at {clock(constraint.worst_at)}."
    )


def of_check(check: Check) -> str:
    """Say why a further check does not pass."""
    name = CHECK_NAMES[check.name]
    if check.collapsed:
        return f"{name}: no solution (voltage collapse) ({check.collapsed[0]})."
    if check.constraints:
        first = check.constraints[0]
        return f"{name}: {of_constraint(first)[:-1]} ({first.during})."
    return f"{name}: no solution even without the contract ({check.unsolved[0]})."


def clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
