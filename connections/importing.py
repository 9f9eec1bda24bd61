"""What a file of sites and agreements would change, row by row. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from connections.models import Agreement, Area, Site, SiteMpan
from connections.services.sites import refusals_of_agreement
from connections.site_files import MOST_FAULTS, Fault, Row, parse
from connections.states import Direction
from core.journal import canonical
from participants.models import Organisation

TERMS = (
    "kind",
    "voltage_kv",
    "mic_kva",
    "mec_kva",
    "import_power_factor",
    "export_power_factor",
    "max_installed_kva",
    "curtailable",
)
OF_SITE = ("postcode", "network_bus")


@dataclass(frozen=True, slots=True)
class Difference:
    """What a row would change; ``changes`` are (column, as it is, as it would be)."""

    row: Row
    site: Site | None  # None: made by this row
    organisation: Organisation
    area: Area
    agreement: Agreement | None  # the one on record of this reference, the latest version
    changes: list[tuple[str, Any, Any]]

    @property
    def what(self) -> str:
        if self.site is None:
            return "new site"
        if self.agreement is None:
            return "new agreement"
        return "changed" if self.changes else "unchanged"

    @property
    def changes_terms(self) -> bool:
        return self.agreement is None or any(name in TERMS for name, _, _ in self.changes)

    @property
    def words(self) -> str:
        return "; ".join(
            f"{name}: {_shown(was)} → {_shown(will)}" for name, was, will in self.changes
        )


@dataclass(slots=True)
class Preview:
    """A file as it would be applied: all of it, or nothing where there is a fault."""

    differences: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        found = dict.fromkeys(("new site", "new agreement", "changed", "unchanged"), 0)
        for each in self.differences:
            found[each.what] += 1
        return found

    @property
    def digest(self) -> str:
        """Return a hash of what would change: what was shown is what is applied."""
        said = [
            [
                each.row["reference"],
                each.what,
                str(each.row["starts_on"]) if each.changes_terms else "",
                [[n, _shown(a), _shown(b)] for n, a, b in each.changes],
            ]
            for each in self.differences
        ]
        return sha256(canonical(said).encode()).hexdigest()


def preview(data: bytes) -> Preview:
    """Read a file and compare it with what is on record, in a constant number of queries."""
    parsed = parse(data)
    found = Preview(faults=parsed.faults)
    known, unread = _Known(parsed.rows), {fault.row for fault in parsed.faults}
    for row in parsed.rows:
        difference = known.difference(row, found.faults, read=row.number not in unread)
        if difference is not None:
            found.differences.append(difference)
    found.faults = sorted(found.faults)[:MOST_FAULTS]
    return found


class _Known:
    """What is on record of what the rows name."""

    def __init__(self, rows: list[Row]) -> None:
        names = [row["site"] for row in rows]
        self.sites = {
            each.name: each
            for each in Site.objects.filter(name__in=names).select_related("organisation", "area")
        }
        self.organisations = {each.name: each for each in Organisation.objects.all()}
        self.areas = {each.name: each for each in Area.objects.filter(children=None)}
        self.agreements: dict[str, Agreement] = {}
        references = [row["reference"] for row in rows]
        versions = Agreement.objects.filter(reference__in=references).select_related("site")
        for each in versions.order_by("starts_at"):
            self.agreements[each.reference] = each
        mpans = SiteMpan.objects.select_related("site")
        self.mpans = {each.mpan: each.site for each in mpans}
        self.mpan_of = {(each.site_id, each.direction): each.mpan for each in mpans}

    def difference(self, row: Row, faults: list[Fault], *, read: bool) -> Difference | None:
        """Return what a row would change; None where it can't be, or couldn't be read."""
        before = len(faults)
        site = self.sites.get(row["site"])
        organisation = self.organisations.get(row["organisation"])
        area = self.areas.get(row["area"])
        agreement = self.agreements.get(row["reference"])
        self._check(row, site, organisation, area, agreement, faults)
        if not read or len(faults) > before or organisation is None or area is None:
            return None
        changes = self._changes(row, site, agreement)
        found = Difference(row, site, organisation, area, agreement, changes)
        if found.changes_terms:
            self._check_terms(found, faults)
        return found

    def _check(
        self,
        row: Row,
        site: Site | None,
        organisation: Organisation | None,
        area: Area | None,
        agreement: Agreement | None,
        faults: list[Fault],
    ) -> None:
        def fault(column: str, message: str) -> None:
            faults.append(Fault(row.number, column, message))

        if organisation is None:
            fault("organisation", "There is no organisation of this name.")
        if area is None:
            fault("area", "There is no area of this name without areas below it.")
        if site and organisation and site.organisation_id != organisation.pk:
            fault("organisation", f"{site.name} is of {site.organisation}.")
        if site and area and site.area_id != area.pk:
            fault("area", f"{site.name} lies in {site.area}.")
        if agreement and (site is None or agreement.site_id != site.pk):
            fault("reference", f"This agreement is of {agreement.site.name}.")
        for direction in Direction.values:
            column = f"{direction.lower()}_mpan"
            owner = self.mpans.get(row.values.get(column) or "")
            if owner is not None and (site is None or owner.pk != site.pk):
                fault(column, f"This MPAN is of {owner.name}.")

    def _changes(
        self, row: Row, site: Site | None, agreement: Agreement | None
    ) -> list[tuple[str, Any, Any]]:
        given = row.values
        found = [
            (name, getattr(site, name, ""), given[name])
            for name in OF_SITE
            if name in given and given[name] != getattr(site, name, "")
        ]
        for direction in Direction.values:
            column = f"{direction.lower()}_mpan"
            was = self.mpan_of.get((site.pk, direction), "") if site else ""
            if given.get(column) and given[column] != was:
                found.append((column, was, given[column]))
        found += [
            (name, getattr(agreement, name, None), given[name])
            for name in TERMS
            if name in given and (agreement is None or given[name] != getattr(agreement, name))
        ]
        return found

    def _check_terms(self, found: Difference, faults: list[Fault]) -> None:
        row, was = found.row, found.agreement
        if was is not None and row["starts_on"] <= was.starts_at:
            message = f"It changes what holds from {was.starts_at:%Y-%m-%d}: say a later day."
            faults.append(Fault(row.number, "starts_on", message))
            return
        made = agreement_of(found, site=found.site or Site())
        for refusal in refusals_of_agreement(made, amends=was is not None):
            column = "starts_on" if refusal.field == "starts_at" else refusal.field
            faults.append(Fault(row.number, column, refusal.message))


def agreement_of(difference: Difference, *, site: Site) -> Agreement:
    """Return the agreement that a row describes; what it leaves out is as on record."""
    row, was = difference.row, difference.agreement
    return Agreement(site=site, starts_at=row["starts_on"], **terms_of(row.values, was))


def terms_of(given: Mapping[str, Any], was: Agreement | None) -> dict[str, Any]:
    kept = {name: getattr(was, name) for name in TERMS} if was is not None else {}
    return {"reference": given["reference"], **kept} | {
        name: given[name] for name in TERMS if name in given
    }


def _shown(value: Any) -> str:
    if value in {None, ""}:
        return "none"
    return f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)
