"""Write the register's history, in the transaction and under the locks of what changes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connections.models import Agreement, Allocation, RegisterChange, Tcvn
from connections.register.states import Change, SourceKind
from connections.states import AgreementKind, Direction, TcvnRole
from core.errors import Period
from core.journal import Actor

OpenPeriod = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Source:
    """What gives a site capacity in a direction, and in which periods it does from now on."""

    kind: SourceKind
    pk: int
    reference: str
    site_id: int
    direction: str
    figures: dict[str, Any]
    periods: Sequence[OpenPeriod]


def sources_of_agreement(row: Agreement) -> list[Source]:
    """Return an agreement as it counts for import and for export."""
    return [
        Source(
            kind=SourceKind.AGREEMENT,
            pk=row.pk,
            reference=row.reference,
            site_id=row.site_id,
            direction=direction,
            figures={
                "agreed_kva": _text(row.mic_kva if direction == Direction.IMPORT else row.mec_kva),
                "power_factor": _text(row.power_factor(direction)),
                "installed_kva": _text(row.max_installed_kva),
                "follows_contracts": row.kind == AgreementKind.P2P_SPECIFIC,
                "curtailable": row.curtailable,
            },
            periods=[(row.starts_at, row.ends_at)],
        )
        for direction in Direction.values
    ]


def source_of_notice(row: Tcvn, periods: Iterable[Period]) -> Source:
    earmark = getattr(row, "earmark_of", None) if row.role == TcvnRole.SELLER else None
    return Source(
        kind=SourceKind.NOTICE,
        pk=row.pk,
        reference=str(row),
        site_id=row.site_id,
        direction=row.direction,
        figures={
            "kw": _text(row.capacity_kw),
            "conditions": [
                [each.seller_site_id, _text(each.kw)]
                for each in row.conditions.filter(ended_at=None).order_by("pk")
            ],
            "earmarked_for": earmark.tcvn.site_id if earmark else None,
        },
        periods=sorted(periods),
    )


def source_of_allocation(row: Allocation, periods: Iterable[Period]) -> Source:
    return Source(
        kind=SourceKind.ALLOCATION,
        pk=row.pk,
        reference=str(row.reference),
        site_id=row.site_id,
        direction=row.direction,
        figures={
            "kw": _text(row.kw),
            "role": row.role,
            "state": row.state,
            "counterparty": row.counterparty_id,
        },
        periods=sorted(periods),
    )


def record_changes(
    change: Change,
    sources: Iterable[Source],
    *,
    actor: Actor,
    at: datetime,
    before: Sequence[Sequence[OpenPeriod]] | None = None,
) -> None:
    """Note what sources give from now on.

    ``before`` are the periods of each until now: with those of now they say which half-hours the
    change touches. Of a new source there are none.
    """
    rows = []
    for number, each in enumerate(sources):
        touched = [*each.periods, *(before[number] if before else [])]
        if not touched:  # it never counted: nothing changes
            continue
        ends = [until for _, until in touched]
        rows.append(
            RegisterChange(
                recorded_at=at,
                site_id=each.site_id,
                direction=each.direction,
                source=each.kind,
                source_id=each.pk,
                reference=each.reference,
                change=change,
                figures=each.figures,
                starts=[starts_at for starts_at, _ in each.periods],
                ends=[ends_at for _, ends_at in each.periods],
                affected_from=min(starts_at for starts_at, _ in touched),
                affected_until=None
                if None in ends
                else max(end for end in ends if end is not None),
                actor_id=actor.user_id,
            )
        )
    RegisterChange.objects.bulk_create(rows)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{Decimal(value).normalize():f}"
