"""Put every trade and scenario of the trial to the real engine, and print what it answers.

Run it from the repository's root; it exits with 1 if an answer is not the expected one::

    python -m data.trial.verify            # ten trades, scenarios
    python -m data.trial.verify --live     # also the live market's pairs, in four seasons
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.money import agreed_kw
from core.windows import ServiceWindow
from data.trial import profiles
from data.trial.tables import HERE, rows, trade_window, window
from psa.engine.case import (
    Answer,
    Basis,
    FloatArray,
    Kind,
    Outcome,
    Profile,
    Rights,
    Study,
    StudySite,
)
from psa.engine.study import answer

Forecast = Callable[[dict[str, str], datetime, int], tuple[list[float], list[float]]]
LIVE_STARTS = (date(2027, 1, 11), date(2027, 4, 12), date(2027, 7, 12), date(2027, 10, 25))


@dataclass(frozen=True, slots=True)
class Deal:
    """Capacity that moves between two sites in the half-hours of a window."""

    buyer: str
    seller: str
    direction: str
    kw: float
    window: ServiceWindow


def study_of(deal: Deal, earlier: Iterable[Deal] = ()) -> Study:
    """Return the engine's question about a deal, on top of the deals approved before it."""
    half_hours = tuple(deal.window.half_hours())
    before = list(earlier)
    sites = tuple(_site(row, half_hours, before, deal) for row in rows("sites.csv"))
    return Study(
        network=(HERE / "network.json").read_text(encoding="utf-8"),
        half_hours=half_hours,
        background={
            row["bus"]: _profile(profiles.background_forecast, row, half_hours, "1.0")
            for row in rows("background.csv")
        },
        sites=sites,
        direction=deal.direction,
        studied_kw=deal.kw,
    )


def _site(
    row: dict[str, str], half_hours: tuple[datetime, ...], before: list[Deal], deal: Deal
) -> StudySite:
    name = row["site"]
    agreement = next(found for found in rows("agreements.csv") if found["site"] == name)
    rights: dict[str, Rights | None] = {}
    for direction, column in (("IMPORT", "mic_kva"), ("EXPORT", "mec_kva")):
        factor = Decimal(agreement[f"{direction.lower()}_power_factor"])
        for when, deals in (("before", before), ("after", [*before, deal])):
            key = f"{direction.lower()}_{when}"
            if not agreement[column]:
                rights[key] = None
                continue
            agreed = float(agreed_kw(kva=Decimal(agreement[column]), power_factor=factor))
            bought, sold = _moved(name, direction, half_hours, deals)
            rights[key] = Rights(
                agreed=np.full(len(half_hours), agreed),
                ceiling=agreed + bought,  # the notices and P2P agreements cover every deal here
                bought=bought,
                sold=sold,
            )
    return StudySite(
        key=name,
        name=name,
        bus=row["network_bus"],
        forecast=_profile(profiles.site_forecast, row, half_hours, row["export_power_factor"]),
        studied=name in {deal.buyer, deal.seller},
        worst_import_power_factor=float(agreement["import_power_factor"]),
        worst_export_power_factor=float(agreement["export_power_factor"]),
        **rights,
    )


def _moved(
    site: str, direction: str, half_hours: tuple[datetime, ...], deals: list[Deal]
) -> tuple[FloatArray, FloatArray]:
    bought, sold = np.zeros(len(half_hours)), np.zeros(len(half_hours))
    for deal in deals:
        if deal.direction != direction or site not in {deal.buyer, deal.seller}:
            continue
        inside = set(deal.window.half_hours())
        mask = np.array([at in inside for at in half_hours])
        (bought if site == deal.buyer else sold)[mask] += deal.kw
    return bought, sold


def _profile(
    forecast: Forecast, row: dict[str, str], half_hours: tuple[datetime, ...], export_factor: str
) -> Profile:
    first = half_hours[0]
    count = (half_hours[-1] - first) // profiles.HALF_HOUR + 1
    export_kw, import_kw = forecast(row, first, count)
    wanted = [(at - first) // profiles.HALF_HOUR for at in half_hours]
    return Profile(
        export_kw=np.array(export_kw)[wanted],
        import_kw=np.array(import_kw)[wanted],
        export_power_factor=float(export_factor),
        import_power_factor=float(row.get("power_factor") or row["import_power_factor"]),
    )


def trades() -> Iterator[tuple[str, Deal]]:
    """Yield the report's ten trades, in order."""
    for number, row in enumerate(rows("tp1_trades.csv"), 1):
        yield (
            f"{number}. {row['trade']}",
            Deal(
                row["buyer"],
                row["seller"],
                row["direction"].upper(),
                float(row["kw"]),
                trade_window(row),
            ),
        )


def scenario_deal(row: dict[str, str]) -> Deal:
    """Return a row of scenarios.csv as a deal; a TCVN's extra capacity counts as bought."""
    first, last = date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])
    seller = row["seller"] if row["kind"] == "contract" else ""
    return Deal(
        row["buyer"],
        seller,
        row["direction"],
        float(row["kw"]),
        window(row, first=first, last=last),
    )


def show(title: str, deal: Deal, found: Answer) -> None:
    """Print an answer, basis by basis."""
    largest = "" if found.largest_kw is None else f", largest that passes {found.largest_kw:g} kW"
    print(f"{title}: {deal.kw:g} kW {deal.direction}, {deal.window}")
    print(f"   {found.outcome}: {found.reason or 'no constraint'}{largest}")
    for result in found.bases:
        worst = result.worst
        words = (
            ""
            if worst is None
            else (
                f"{worst.element} {worst.quantity} {worst.value:.4g} {worst.unit}"
                f" (limit {worst.limit:g})"
            )
        )
        print(f"   {result.basis:15} {result.outcome:14} worst {words}")
        for breach in result.constraints:
            print(
                f"      {breach.kind} {breach.element} {breach.quantity} {breach.worst_value}"
                f" in {len(breach.half_hours)} half-hours"
            )


def check_trades() -> bool:
    """Put the ten trades to the engine, each on top of those before it; all must pass."""
    good = True
    earlier: list[Deal] = []
    for title, deal in trades():
        found = answer(study_of(deal, earlier))
        show(title, deal, found)
        good &= found.outcome is Outcome.PASS
        earlier.append(deal)
    return good


def check_scenarios() -> bool:
    """Put the scenarios to the engine; each basis must answer as scenarios.csv says."""
    held = [_scenario_holds(row) for row in rows("scenarios.csv")]
    return all(held)


def _scenario_holds(row: dict[str, str]) -> bool:
    deal = scenario_deal(row)
    found = answer(study_of(deal))
    show(row["scenario"], deal, found)
    outcomes = {result.basis: result.outcome for result in found.bases}
    binding = {
        breach.element
        for result in found.bases
        if result.basis in {Basis.RIGHTS_USED, Basis.FULL_CAPACITY}
        for breach in result.constraints
        if breach.kind is not Kind.EXISTING
    }
    good = all(outcomes[basis] == row[basis.value] for basis in Basis)
    good &= binding == {row["binding_element"]}
    if found.outcome is Outcome.FAIL and len(found.failing) < len(deal.window.half_hours()):
        rest = replace(deal, window=replace(deal.window, excluded=frozenset(found.failing)))
        again = answer(study_of(rest))
        show("   without its failing half-hours", rest, again)
        good &= again.outcome is Outcome.PASS
    print("   " + ("as expected" if good else "NOT AS EXPECTED"))
    return good


def check_live() -> bool:
    """Put the live market's pairs to the engine in a week of each season."""
    good = True
    for first in LIVE_STARTS:
        for row in rows("live_pairs.csv"):
            deal = scenario_deal(
                row
                | {
                    "kind": "contract",
                    "first_date": first.isoformat(),
                    "last_date": (first + timedelta(days=6)).isoformat(),
                }
            )
            found = answer(study_of(deal))
            mark = "" if found.outcome == row["expected"] else "  NOT AS EXPECTED"
            print(
                f"{first} {row['buyer']} from {row['seller']} {deal.kw:g} kW: {found.outcome}"
                f" {len(found.failing)} failing, largest {found.largest_kw}{mark}"
            )
            for result in found.bases:
                for breach in result.constraints:
                    print(
                        f"      {result.basis} {breach.kind} {breach.element}"
                        f" {breach.quantity} {breach.worst_value} x{len(breach.half_hours)}"
                    )
            good &= not mark
    return good


def main() -> int:
    """Check all, print all, and say by the exit code whether all is as expected."""
    good = check_trades()
    good &= check_scenarios()
    if "--live" in sys.argv[1:]:
        good &= check_live()
    print("All as expected." if good else "Something is NOT as expected.")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
