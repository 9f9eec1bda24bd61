"""What the register is made from: rows as they stand, or as they stood at a past moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Prefetch, Q
from django.db.models.expressions import RawSQL

from connections.models import Agreement, AllocationSpan, RegisterChange, TcvnCondition, TcvnSpan
from connections.register.states import SourceKind
from connections.register.sweep import Span, Terms, Variation
from connections.states import AgreementKind, AllocationState, Direction, Role, TcvnRole
from core.errors import Period
from core.money import agreed_kw

ROLES: Mapping[str, Role] = {each.value: each for each in Role}
STATES: Mapping[str, AllocationState] = {each.value: each for each in AllocationState}
MANY = 500  # sites: above, their ids go to the database as one array


@dataclass(slots=True)
class Inputs:
    """Agreements, notices and trades of one direction, by site."""

    terms: dict[int, list[Terms]] = field(default_factory=lambda: defaultdict(list))
    variations: dict[int, list[Variation]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))


def standing(
    ids: list[int], direction: str, period: Period, *, without: Iterable[UUID] = ()
) -> Inputs:
    """Read what counts in a period as the rows say it now, in four queries for any sites."""
    found = Inputs()
    among = Q(site_id__in=ids)
    if len(ids) > MANY:
        among = Q(site_id__in=RawSQL("SELECT unnest(%s::bigint[])", [ids]))
    _read_terms(found, among, direction, period)
    _read_variations(found, among, direction, period)
    _read_spans(found, among, direction, period, list(without))
    return found


def _read_terms(found: Inputs, among: Q, direction: str, period: Period) -> None:
    name = "import" if direction == Direction.IMPORT else "export"
    rows = Agreement.objects.filter(among, starts_at__lt=period[1]).filter(
        Q(ends_at=None) | Q(ends_at__gt=period[0])
    )
    for row in rows.values_list(
        "site_id",
        "starts_at",
        "ends_at",
        "mic_kva" if direction == Direction.IMPORT else "mec_kva",
        f"{name}_power_factor",
        "max_installed_kva",
        "kind",
        "curtailable",
        "pk",
        "reference",
    ):
        site_id, starts_at, ends_at, kva, power_factor, installed_kva, kind, *more = row
        curtailable, pk, reference = more
        found.terms[site_id].append(
            _terms(
                period=(starts_at, ends_at),
                kva=kva,
                power_factor=power_factor,
                installed_kva=installed_kva,
                follows_contracts=kind == AgreementKind.P2P_SPECIFIC,
                curtailable=curtailable,
                pk=pk,
                reference=reference,
            )
        )


def _terms(
    *,
    period: tuple[datetime, datetime | None],
    kva: Decimal | None,
    power_factor: Decimal,
    installed_kva: Decimal,
    follows_contracts: bool,
    curtailable: bool,
    pk: int,
    reference: str,
) -> Terms:
    return Terms(
        starts_at=period[0],
        ends_at=period[1],
        agreed_kw=None if kva is None else agreed_kw(kva=kva, power_factor=power_factor),
        installed_kw=agreed_kw(kva=installed_kva, power_factor=power_factor),
        follows_contracts=follows_contracts,
        curtailable=curtailable,
        agreed_kva=kva,
        power_factor=power_factor,
        pk=pk,
        reference=reference,
    )


def _read_variations(found: Inputs, among: Q, direction: str, period: Period) -> None:
    conditions = TcvnCondition.objects.filter(ended_at=None).order_by("pk")
    rows = (
        TcvnSpan.objects.filter(
            among,
            direction=direction,
            starts_at__lt=period[1],
            ends_at__gt=period[0],
        )
        .select_related("tcvn", "tcvn__earmark_of__tcvn")
        .prefetch_related(Prefetch("tcvn__conditions", conditions))
    )
    for row in rows:
        earmark = getattr(row.tcvn, "earmark_of", None)
        found.variations[row.site_id].append(
            Variation(
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                capacity_kw=row.tcvn.capacity_kw,
                conditions=tuple((c.seller_site_id, c.kw) for c in row.tcvn.conditions.all()),
                earmarked_for=earmark.tcvn.site_id
                if row.tcvn.role == TcvnRole.SELLER and earmark
                else None,
                pk=row.tcvn_id,
                reference=str(row.tcvn),
            )
        )


def _read_spans(
    found: Inputs, among: Q, direction: str, period: Period, without: list[UUID]
) -> None:
    rows = AllocationSpan.objects.filter(
        among, direction=direction, starts_at__lt=period[1], ends_at__gt=period[0]
    )
    if without:
        rows = rows.exclude(allocation__reference__in=without)
    for site_id, starts_at, ends_at, kw, role, state, counterparty, pk, reference in rows.order_by(
        "starts_at", "allocation_id"
    ).values_list(
        "site_id",
        "starts_at",
        "ends_at",
        "allocation__kw",
        "role",
        "allocation__state",
        "allocation__counterparty_id",
        "allocation_id",
        "allocation__reference",
    ):
        found.spans[site_id].append(
            Span(
                starts_at,
                ends_at,
                kw,
                ROLES[role],
                STATES[state],
                counterparty,
                pk,
                reference,
            )
        )


def recorded(ids: list[int], direction: str, period: Period, *, as_of: datetime) -> Inputs:
    """Read what counted in a period as the register knew it at a past moment, in one query.

    Of each source the latest change counts that was recorded by then.
    """
    found = Inputs()
    latest = (
        RegisterChange.objects.filter(site_id__in=ids, direction=direction, recorded_at__lte=as_of)
        .order_by("source", "source_id", "-pk")
        .distinct("source", "source_id")
    )
    add = {
        SourceKind.AGREEMENT: _add_terms,
        SourceKind.NOTICE: _add_variation,
        SourceKind.ALLOCATION: _add_span,
    }
    for row in latest:
        for starts_at, ends_at in zip(row.starts, row.ends, strict=True):
            if starts_at < period[1] and (ends_at is None or ends_at > period[0]):
                add[SourceKind(row.source)](found, row, starts_at, ends_at)
    return found


def _add_terms(
    found: Inputs, row: RegisterChange, starts_at: datetime, ends_at: datetime | None
) -> None:
    figures = row.figures
    kva = figures["agreed_kva"]
    found.terms[row.site_id].append(
        _terms(
            period=(starts_at, ends_at),
            kva=None if kva is None else Decimal(kva),
            power_factor=Decimal(figures["power_factor"]),
            installed_kva=Decimal(figures["installed_kva"]),
            follows_contracts=figures["follows_contracts"],
            curtailable=figures["curtailable"],
            pk=row.source_id,
            reference=row.reference,
        )
    )


def _end(ends_at: datetime | None) -> datetime:
    if ends_at is None:
        raise ValueError("Only an agreement has no end.")
    return ends_at


def _add_variation(
    found: Inputs, row: RegisterChange, starts_at: datetime, ends_at: datetime | None
) -> None:
    ends_at = _end(ends_at)
    figures = row.figures
    found.variations[row.site_id].append(
        Variation(
            starts_at=starts_at,
            ends_at=ends_at,
            capacity_kw=Decimal(figures["kw"]),
            conditions=tuple((site, Decimal(kw)) for site, kw in figures["conditions"]),
            earmarked_for=figures["earmarked_for"],
            pk=row.source_id,
            reference=row.reference,
        )
    )


def _add_span(
    found: Inputs, row: RegisterChange, starts_at: datetime, ends_at: datetime | None
) -> None:
    ends_at = _end(ends_at)
    figures = row.figures
    found.spans[row.site_id].append(
        Span(
            starts_at=starts_at,
            ends_at=ends_at,
            kw=Decimal(figures["kw"]),
            role=ROLES[figures["role"]],
            state=STATES[figures["state"]],
            counterparty=figures["counterparty"],
            pk=row.source_id,
            reference=UUID(row.reference),
        )
    )
