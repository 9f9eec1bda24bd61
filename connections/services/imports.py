"""Sites, agreements and capacities from a file: all of it, or nothing (DSO)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from connections.importing import OF_SITE, Difference, Preview, preview, terms_of
from connections.models import Area, Site, SiteFile, SiteMpan
from connections.permissions import MAY_ADD_AGREEMENT, MAY_ADD_SITE
from connections.queries import study_area
from connections.services.areas import lock_areas, lock_sites, lock_study_areas_of, revise
from connections.services.sites import make_site, write_agreement
from connections.states import Direction
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


def look_at_site_file(*, data: bytes, actor: journal.Actor) -> Preview:
    """Return what a file would change. Writes nothing."""
    check_may(actor, MAY_ADD_SITE)
    return preview(data)


@transaction.atomic
def upload_site_file(
    *, file_name: str, data: bytes, actor: journal.Actor, at: datetime
) -> SiteFile:
    """Keep a file to be looked at and then applied."""
    check_may(actor, MAY_ADD_SITE)
    return SiteFile.objects.create(
        file_name=file_name[:200],
        sha256=sha256(data).hexdigest(),
        content=data,
        uploaded_at=at,
        uploaded_by_id=actor.person(),
    )


@transaction.atomic
def apply_site_file(
    *,
    data: bytes,
    digest: str = "",
    file_id: int | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Preview:
    """Apply a file: make and change sites, agreements and meter points, by reference.

    ``digest`` is that of the preview that was looked at; empty: whatever the file changes now.

    :raises RefusedError: with every row that can't be; or if something else would change by now
    """
    check_may(actor, MAY_ADD_SITE)
    check_may(actor, MAY_ADD_AGREEMENT)
    first = preview(data)
    sites = [each.site.pk for each in first.differences if each.site]
    areas = lock_study_areas_of(sites)
    lock_sites(sites)
    found = preview(data)  # again, now that nothing of it can change
    refusals = [Refusal("import_row", str(each), each.column or "file") for each in found.faults]
    if digest and digest != found.digest:
        message = "Something else would change by now: look at the file again."
        refusals.append(Refusal("import_changed", message, "file"))
    if refusals:
        raise RefusedError(refusals)
    for each in found.differences:
        if each.what == "unchanged":
            continue
        try:
            with transaction.atomic():
                _apply(each, actor=actor, at=at)
        except RefusedError as error:
            refusals += [
                replace(r, message=f"Row {each.row.number}: {r.message}") for r in error.refusals
            ]
    if refusals:
        raise RefusedError(refusals)
    new = lock_areas({area.pk for area in _study_areas(found)} - {area.pk for area in areas})
    revise([*areas, *new], actor=actor, at=at)
    SiteFile.objects.filter(pk=file_id or 0).update(applied_at=at)
    return found


def _study_areas(found: Preview) -> list[Area]:
    return [
        area
        for each in found.differences
        if each.what != "unchanged" and (area := study_area(each.area)) is not None
    ]


def _apply(difference: Difference, *, actor: journal.Actor, at: datetime) -> None:
    row, site = difference.row, difference.site
    given = {name: row.values[name] for name in OF_SITE if name in row.values}
    if site is None:
        site = make_site(
            organisation_id=difference.organisation.pk,
            area_id=difference.area.pk,
            name=row["site"],
            assets=[],
            mpans=[
                (direction, mpan)
                for direction in Direction.values
                if (mpan := row.values.get(f"{direction.lower()}_mpan"))
            ],
            actor=actor,
            at=at,
            **given,
        )
    else:
        _change(site, difference, actor=actor, at=at)
    if difference.changes_terms:
        write_agreement(
            site=site,
            starts_at=row["starts_on"],
            amends=difference.agreement is not None,
            actor=actor,
            at=at,
            **terms_of(row.values, difference.agreement),
        )


def _change(site: Site, difference: Difference, *, actor: journal.Actor, at: datetime) -> None:
    changed = {name: will for name, _, will in difference.changes if name in OF_SITE}
    for name, value in changed.items():
        setattr(site, name, value)
    mpans = {name: will for name, _, will in difference.changes if name.endswith("_mpan")}
    for name, mpan in mpans.items():
        direction = name.removesuffix("_mpan").upper()
        site.mpans.filter(direction=direction).delete()
        SiteMpan.objects.create(site=site, direction=direction, mpan=mpan)
    if changed or mpans:
        site.save(update_fields=list(changed))
        journal.record(
            verb="connections.site.changed",
            subject=site,
            actor=actor,
            at=at,
            data={"columns": sorted({*changed, *mpans})},
        )
