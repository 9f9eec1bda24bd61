"""The history of what stands already, from the journal; spans are then kept of what counts only.

An agreement that ends where the next begins is taken to have had no end until that one was
recorded, and a source that the journal does not know to have stood since its site was entered.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime

from django.db import migrations
from django.db.models import OuterRef, Subquery

from core.periods import merged, next_half_hour
from core.windows import ServiceWindow


def text(value):
    return None if value is None else f"{value.normalize():f}"


class History:
    def __init__(self, apps):
        self.model = apps.get_model("connections", "RegisterChange")
        self.rows = []  # (when, order, row)
        self.events = defaultdict(list)
        events = apps.get_model("core", "Event").objects.filter(
            subject_type__in=[
                "connections.agreement",
                "connections.allocation",
                "connections.tcvn",
            ]
        )
        for event in events.order_by("pk"):
            self.events[event.subject_type, event.subject_id].append(event)

    def of(self, row):
        return self.events[row._meta.label_lower, str(row.pk)]

    def add(self, when, actor_id, change, source, row, reference, direction, figures, periods,
            before=()):
        touched = [*periods, *before]
        ends = [until for _, until in touched]
        made = self.model(
            recorded_at=when,
            actor_id=actor_id,
            change=change,
            source=source,
            source_id=row.pk,
            site_id=row.site_id,
            direction=direction,
            reference=reference,
            figures=figures,
            starts=[starts_at for starts_at, _ in periods],
            ends=[ends_at for _, ends_at in periods],
            affected_from=min(starts_at for starts_at, _ in touched),
            affected_until=None if None in ends else max(ends),
        )
        self.rows.append((when, len(self.rows), made))

    def save(self):
        self.model.objects.bulk_create([row for _, _, row in sorted(self.rows, key=lambda r: r[:2])])


def add_agreements(history, apps):
    rows = list(apps.get_model("connections", "Agreement").objects.select_related("site"))
    recorded = {}
    for row in rows:
        event = next(iter(history.of(row)), None)
        recorded[row.pk] = (event.happened_at, event.actor_id) if event else (row.site.created_at, None)
    for row in rows:
        when, actor_id = recorded[row.pk]
        following = next(
            (
                each
                for each in rows
                if each.site_id == row.site_id
                and each.starts_at == row.ends_at
                and recorded[each.pk][0] >= when
                and each.pk > row.pk
            ),
            None,
        )
        for direction in ("IMPORT", "EXPORT"):
            figures = {
                "agreed_kva": text(row.mic_kva if direction == "IMPORT" else row.mec_kva),
                "power_factor": text(getattr(row, f"{direction.lower()}_power_factor")),
                "installed_kva": text(row.max_installed_kva),
                "follows_contracts": row.kind == "P2P_SPECIFIC",
                "curtailable": row.curtailable,
            }
            about = ("AGREEMENT", row, row.reference, direction, figures)
            now = [(row.starts_at, row.ends_at)]
            first = [(row.starts_at, None)] if following else now
            history.add(when, actor_id, "RECORDED", *about, first)
            if following:
                history.add(*recorded[following.pk], "SHORTENED", *about, now, first)


def add_notices(history, apps):
    rows = apps.get_model("connections", "Tcvn").objects.filter(state__in=["IN_FORCE", "ENDED"])
    for row in rows.prefetch_related("conditions", "spans").select_related("site"):
        now = sorted((span.starts_at, span.ends_at) for span in row.spans.all())
        earmark = getattr(row, "earmark_of", None) if row.role == "SELLER" else None
        figures = {
            "kw": text(row.capacity_kw),
            "conditions": [[c.seller_site_id, text(c.kw)] for c in row.conditions.order_by("pk")],
            "earmarked_for": earmark.tcvn.site_id if earmark else None,
        }
        about = ("NOTICE", row, row.number or f"TCVN request {row.pk}", row.direction, figures)
        when = row.countersigned_at or row.created_at
        ended = next((e for e in history.of(row) if e.verb == "connections.tcvn.ended"), None)
        first = _window(row, when) if ended else now
        if first:
            history.add(when, row.countersigned_by_id, "IN_FORCE", *about, first)
        if ended and (now or first):
            history.add(ended.happened_at, ended.actor_id, "ENDED", *about, now, first)


def _window(row, when):
    window = ServiceWindow(
        first_date=row.first_date,
        last_date=row.last_date,
        weekdays=tuple(row.weekdays),
        start_time=row.start_time,
        end_time=row.end_time,
        excluded=frozenset(at.astimezone(UTC) for at in row.excluded_starts),
    )
    return list(merged(at for at in window.half_hours() if at >= next_half_hour(when)))


CHANGES = {
    "connections.allocation.held": "HELD",
    "connections.allocation.confirmed": "CONFIRMED",
    "connections.allocation.released": "RELEASED",
}


def add_allocations(history, apps):
    rows = apps.get_model("connections", "Allocation").objects.select_related("site")
    for row in rows.prefetch_related("spans").order_by("pk"):
        figures = {
            "kw": text(row.kw),
            "role": row.role,
            "state": row.state,
            "counterparty": row.counterparty_id,
        }
        about = ("ALLOCATION", row, str(row.reference), row.direction)
        now = sorted((span.starts_at, span.ends_at) for span in row.spans.all())
        events = [each for each in history.of(row) if each.verb in CHANGES]
        if not events and now and row.state != "RELEASED":
            change = "HELD" if row.state == "HELD" else "CONFIRMED"
            history.add(row.site.created_at, None, change, *about, figures, now)
        periods = []
        for event in events:
            before, data = periods, json.loads(event.data)
            if "periods" in data:
                periods = [tuple(datetime.fromisoformat(at) for at in each) for each in data["periods"]]
                before = []
            elif "from_at" in data and event.to_state == "RELEASED":
                periods = []
            elif "from_at" in data:
                from_at = datetime.fromisoformat(data["from_at"])
                periods = [(a, min(b, from_at)) for a, b in before if a < from_at]
            if periods or before:
                history.add(
                    event.happened_at,
                    event.actor_id,
                    CHANGES[event.verb],
                    *about,
                    {**figures, "state": event.to_state},
                    periods,
                    before,
                )


def write_history(apps, schema_editor):
    history = History(apps)
    add_agreements(history, apps)
    add_notices(history, apps)
    add_allocations(history, apps)
    history.save()


def keep_what_counts(apps, schema_editor):
    spans = apps.get_model("connections", "AllocationSpan").objects
    spans.filter(allocation__state="RELEASED").delete()
    own = apps.get_model("connections", "Allocation").objects.filter(pk=OuterRef("allocation_id"))
    spans.update(
        **{name: Subquery(own.values(name)[:1]) for name in ("site_id", "direction", "role")}
    )


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0005_register_history'),
        ('core', '0003_append_only'),
    ]

    operations = [
        migrations.RunPython(write_history, migrations.RunPython.noop),
        migrations.RunPython(keep_what_counts, migrations.RunPython.noop),
    ]
