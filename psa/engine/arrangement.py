"""The running arrangement of each half-hour: the model's own, changed by events and seasons.

A model may rate its lines and transformers by season: columns ``df_winter``,
``df_spring_autumn`` and ``df_summer`` take the place of ``df`` where they stand. The seasons are
those of EREC P27: winter is December to February, summer May to August.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from psa.engine.case import Arrangement, NetworkEvent, Study
from psa.engine.errors import EngineInputError
from psa.engine.network import IntArray, Network, fresh_copy, row_of

KEPT_VARIANTS = 8
LONDON = ZoneInfo("Europe/London")
WINTER, SUMMER = {12, 1, 2}, {5, 6, 7, 8}
SEASONS = ("winter", "spring_autumn", "summer")
RATED_TABLES = ("line", "trafo")
FIELDS = {
    "in_service": ("line", "trafo", "trafo3w", "impedance", "shunt"),
    "closed": ("switch",),
    "tap_pos": ("trafo", "trafo3w"),
}
WORDS = {
    ("in_service", False): "out of service",
    ("in_service", True): "in service",
    ("closed", False): "open",
    ("closed", True): "closed",
}
TABLE_WORDS = {"trafo": "transformer", "trafo3w": "transformer"}


@dataclass(frozen=True, slots=True)
class Change:
    """One element at another state than the model says. A season changes the ratings of all."""

    table: str
    element: str
    field: str
    value: bool | int | str

    def in_words(self) -> str:
        """Say it as an engineer would."""
        if self.field == "season":
            return f"ratings of {str(self.value).replace('_', ' or ')}"
        what = f"{TABLE_WORDS.get(self.table, self.table)} {self.element}"
        if self.field == "tap_pos":
            return f"{what} at tap {self.value}"
        return f"{what} {WORDS[self.field, bool(self.value)]}"


Changes = tuple[Change, ...]


def season_of(at: datetime) -> str:
    """Name the season of a half-hour, by its local month."""
    month = at.astimezone(LONDON).month
    return "winter" if month in WINTER else "summer" if month in SUMMER else "spring_autumn"


def arranged(study: Study, network: Network) -> tuple[list[Changes], IntArray]:
    """Give the arrangements that occur, the first the first's, and each half-hour's among them.

    :raises EngineInputError: if an event names what the model has not, or a state it cannot have
    """
    for event in study.events:
        _check(event, network)
    by_season = has_seasons(network)
    found: dict[Changes, int] = {}
    which = [
        found.setdefault(_changes(study.events, at, by_season=by_season), len(found))
        for at in study.half_hours
    ]
    return list(found), np.array(which, np.int64)


def has_seasons(network: Network) -> bool:
    """Say whether the model rates anything by season."""
    return any(
        f"df_{season}" in network.net[table].columns for table in RATED_TABLES for season in SEASONS
    )


def varied(network: Network, changes: Changes) -> Network:
    """Give the network in another arrangement; kept with it, the least lately used forgotten.

    :raises EngineInputError: if a change names what the model has not
    """
    if not changes:
        return network
    kept: OrderedDict[Changes, Network] = network.compiled.setdefault("variants", OrderedDict())
    if changes not in kept:
        net = fresh_copy(network)
        for change in changes:
            _apply(net, change)
        digest = hashlib.sha256(f"{network.sha256} {changes!r}".encode()).hexdigest()
        kept[changes] = dataclasses.replace(network, sha256=digest, net=net, compiled={})
        while len(kept) > KEPT_VARIANTS:
            kept.popitem(last=False)
    kept.move_to_end(changes)
    return kept[changes]


def described(
    arrangements: Sequence[Changes], which: IntArray, half_hours: Sequence[datetime]
) -> tuple[Arrangement, ...]:
    """Tell of arrangements other than the model's own; nothing if there is none."""
    if not any(arrangements):
        return ()
    return tuple(
        Arrangement(
            changes=tuple(change.in_words() for change in changes),
            half_hours=tuple(half_hours[int(at)] for at in np.flatnonzero(which == number)),
        )
        for number, changes in enumerate(arrangements)
    )


def _changes(events: Sequence[NetworkEvent], at: datetime, *, by_season: bool) -> Changes:
    state: dict[tuple[str, str, str], bool | int] = {}
    for event in events:
        if event.starts_at <= at < event.ends_at:
            state[event.table, event.element, event.field] = event.value
    found = [Change(*place, value) for place, value in sorted(state.items())]
    if by_season:
        found.append(Change("", "", "season", season_of(at)))
    return tuple(found)


def _check(event: NetworkEvent, network: Network) -> None:
    if event.table not in FIELDS.get(event.field, ()):
        raise EngineInputError(f"{event.field!r} of a {event.table} cannot be changed by an event.")
    row = row_of(network.net, event.table, event.element)
    if event.field != "tap_pos":
        return
    rows = network.net[event.table]
    low, high = (float(rows[name].iloc[row]) for name in ("tap_min", "tap_max"))
    if not low <= event.value <= high:
        raise EngineInputError(
            f"The {event.table} {event.element!r} has no tap {event.value}: "
            f"its taps go from {low:g} to {high:g}."
        )


def _apply(net: Any, change: Change) -> None:
    if change.field == "season":
        for table in RATED_TABLES:
            column = f"df_{change.value}"
            if column in net[table].columns:
                stated = net[table][column].to_numpy(float)
                own = net[table]["df"].to_numpy(float)
                net[table]["df"] = np.where(np.isfinite(stated) & (stated > 0), stated, own)
        return
    row = row_of(net, change.table, change.element)
    table = net[change.table]
    table.iat[row, table.columns.get_loc(change.field)] = change.value
