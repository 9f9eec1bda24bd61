"""Components that pages share: fields, badges, numbers, times, charts, timelines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField, CheckboxSelectMultiple, RadioSelect, Select
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.periods import LONDON, half_hours_in_words, in_words

register = template.Library()

# Marks in a browser's name for itself, the more special first.
BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrom": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
TONES = {
    "good": "APPROVED IN_FORCE AGREED ACCEPTED FILLED PASSED DELIVERED IN_DELIVERY SUPPORTED pass",
    "wait": "OPEN OFFERED PENDING SUBMITTED REQUESTED ASSESSING ISSUED EXECUTED QUEUED RUNNING "
    "HELD SCREENING WAITING GROUPED ENGINEER RETURNED CONDITIONAL DRAFT",
    "bad": "REJECTED REFUSED FAILED DEAD fail",
    "warn": "AT_RISK LAPSED INCOMPLETE EXPIRED not_converged no_forecast engine_error",
}
SUBJECTS = {"tcvn": "TCVN", "p2pagreement": "P2P-specific agreement"}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """{% badge contract.state contract.get_state_display %}"""
    tone = TONE_OF.get(state, "calm")
    text = label or state.replace("_", " ").capitalize()
    return format_html('<span class="badge-state badge-state--{}">{}</span>', tone, text)


@register.filter
def kw(value: Decimal | float | None) -> str:
    """{{ contract.sold_kw|kw }}: "40 kW", "0.5 kW", "no right" for None"""
    if value is None:
        return "no right"
    return f"{_plain(Decimal(str(value)))} kW"


@register.filter
def kw_or_none(value: Decimal | None) -> str:
    """{{ registration.buy_import_kw|kw_or_none }}: "40 kW", a dash for None"""
    return "-" if value is None else kw(value)


@register.filter
def figure(value: Decimal | None) -> str:
    """{{ stretch.sold|figure }}, under a heading with the unit: "40", "0.5", a dash for None"""
    return "-" if value is None else _plain(value)


@register.filter
def price(value: Decimal) -> str:
    """{{ contract.price_gbp_per_kwh|price }}: "£0.02500 /kW/h (£25.00 /MW/h)"."""
    return f"£{value:.5f} /kW/h (£{value * 1000:,.2f} /MW/h)"


@register.filter
def money(value: Decimal) -> str:
    return f"£{value:,.2f}"


@register.filter
def when(at: datetime | None) -> SafeString | str:
    """{{ contract.agreed_at|when }}: local time, with BST or GMT, machine-readable too"""
    if not at:  # the page of a defect is rendered with no context at all
        return ""
    local = at.astimezone(LONDON)
    return format_html(
        '<time datetime="{}">{}</time>', local.isoformat(), f"{local:%a %-d %b %Y %H:%M %Z}"
    )


@register.filter
def day(at: datetime) -> str:
    """{{ contract.starts_at|day }}: the local day, 7 Dec 2026"""
    return f"{at.astimezone(LONDON):%-d %b %Y}"


@register.filter
def period(value: tuple[datetime, datetime]) -> str:
    return in_words(value)


@register.filter
def half_hours(number: int) -> str:
    """{{ row.half_hours|half_hours }}: 1 half-hour, 48 half-hours"""
    return half_hours_in_words(number)


@register.filter
def browser(user_agent: str) -> str:
    """{{ session.user_agent|browser }}: "Firefox on Windows"; the text itself where unknown"""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return f"{name} on {system}" if name and system else user_agent


@register.filter
def verb(name: str) -> str:
    """{{ event.verb|verb }}: Contract: cancellation proposed"""
    _app, subject, what = name.split(".")
    named = SUBJECTS.get(subject) or subject.replace("_", " ").capitalize()
    return f"{named}: {what.replace('_', ' ')}"


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    return mapping.get(key)


def _plain(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.001')).normalize():f}"


@register.inclusion_tag("components/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """{% field form.kw %}: label, hint, error and control, tied together for screen readers"""
    widget = bound.field.widget
    group = isinstance(widget, CheckboxSelectMultiple | RadioSelect)
    described = [f"{bound.id_for_label}_hint"] if bound.help_text else []
    described += [f"{bound.id_for_label}_error"] if bound.errors else []
    if not group:
        css = "form-select" if isinstance(widget, Select) else "form-control"
        if getattr(widget, "input_type", "") == "checkbox":
            css = "form-check-input"
        widget.attrs["class"] = f"{css}{' is-invalid' if bound.errors else ''}"
        if described:
            widget.attrs["aria-describedby"] = " ".join(described)
        if bound.errors:
            widget.attrs["aria-invalid"] = "true"
    return {
        "field": bound,
        "group": group,
        "checkbox": getattr(widget, "input_type", "") == "checkbox" and not group,
    }


@register.inclusion_tag("components/error_summary.html")
def error_summary(form: Any) -> dict[str, Any]:
    """{% error_summary form %}: first on the page, linked to the fields"""
    found = [
        {"id": form[name].id_for_label or f"id_{name}_0", "text": f"{form[name].label}: {text}"}
        for name, errors in form.errors.items()
        if name != "__all__"
        for text in errors
    ]
    return {"general": form.non_field_errors(), "fields": found}


@register.inclusion_tag("components/summary_list.html")
def summary_list(rows: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """{% summary_list rows %}: rows of (label, value), for check pages and details"""
    return {"rows": list(rows)}


@register.inclusion_tag("components/steps.html")
def steps(names: Iterable[str], now: int) -> dict[str, Any]:
    """{% steps names 3 %}: a progress line; ``now`` counts from 1, past the last means all done"""
    return {
        "steps": [
            {
                "name": name,
                "number": n,
                "state": "done" if n < now else "now" if n == now else "todo",
            }
            for n, name in enumerate(names, 1)
        ]
    }


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[Any]) -> dict[str, Any]:
    """{% timeline events %}: each has at, title, who, reason"""
    return {"events": list(events)}


@register.inclusion_tag("components/chart.html")
def chart(kind: str, name: str, title: str, data: dict[str, Any]) -> dict[str, Any]:
    """{% chart "register" "chart-id" "Title" data %}: a figure, with its table beside it

    Kinds and their JSON: ``assets/README.md``. The table holds every value of the series.
    """
    series = [
        key
        for key, value in data.items()
        if isinstance(value, list) and key not in {"times", "labels"}
    ]
    heads = data.get("times") or data.get("labels") or []
    rows = [[_head(head), *(data[key][n] for key in series)] for n, head in enumerate(heads)]
    return {
        "kind": kind,
        "name": name,
        "title": title,
        "data": data,
        "columns": [key.replace("_", " ") for key in series],
        "rows": rows,
        "unit": data.get("unit", ""),
    }


def _head(value: str) -> str:
    try:
        return f"{datetime.fromisoformat(value).astimezone(LONDON):%a %-d %b %H:%M %Z}"
    except ValueError:
        return value


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: dict[str, Any], page: Any) -> dict[str, Any]:
    """{% pagination page %} keeps the filters of the address"""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    query.pop("page", None)
    return {"page": page, "query": query.urlencode()}


@register.inclusion_tag("components/sortable.html", takes_context=True)
def sortable(context: dict[str, Any], key: str, label: str) -> dict[str, Any]:
    """<th>{% sortable "price" "Price" %}</th> within a list page's table head"""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    current = query.get("sort", "")
    query["sort"] = f"-{key}" if current == key else key
    query.pop("page", None)
    arrow = {"": "", key: "ascending", f"-{key}": "descending"}.get(current, "")
    return {"query": query.urlencode(), "label": label, "order": arrow}
