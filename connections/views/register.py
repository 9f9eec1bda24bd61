"""A site's capacity register, for its peer and for the operator: seen, asked why, downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from connections import queries
from connections.models import CapacityStatement, Site
from connections.register import answers
from connections.register.sweep import Stretch, half_hourly
from connections.states import Direction
from connections.tenancies import Limits, time_at, within
from connections.views.shared import member
from core import clock
from core.pdf import CONTENT_TYPE
from core.periods import HALF_HOUR, LONDON, half_hour_of, local_midnight

DAYS = 14
LONGEST_DAYS = 92  # on a page; a file may have a year
LONGEST_FILE_DAYS = 366
MOST_STATEMENTS = 12
SERIES = answers.NUMBERS[:7]
LABELS = {
    "agreed": "Agreed",
    "ceiling": "Ceiling",
    "bought": "Bought",
    "sold": "Sold",
    "held_bought": "Held to buy",
    "held_sold": "Held to sell",
    "earmarked": "Earmarked",
}


class RegisterForm(forms.Form):
    """Which direction and days, and as of which moment. All may be left out."""

    direction = forms.ChoiceField(choices=Direction.choices, required=False)
    first = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label="To, with that day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    as_of = forms.DateTimeField(
        label="As the register said on",
        help_text="Leave empty for what it says now.",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, data: Any, *, at: datetime, longest_days: int) -> None:
        super().__init__(data)
        self.at = at
        self.longest_days = longest_days

    def clean_as_of(self) -> datetime | None:
        entered: datetime | None = self.cleaned_data["as_of"]
        if entered is None:
            return None
        moment = entered.replace(tzinfo=LONDON).astimezone(UTC)
        if moment > self.at:
            raise forms.ValidationError("The register has said nothing yet of what it will say.")
        return moment

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        today = self.at.astimezone(LONDON).date()
        first = values.get("first") or today
        last = values.get("last") or first + timedelta(days=DAYS - 1)
        if last < first:
            self.add_error("last", "The last day is not before the first.")
        elif (last - first).days >= self.longest_days:
            self.add_error("last", f"At most {self.longest_days} days at once.")
        return {**values, "first": first, "last": last}


@dataclass(frozen=True, slots=True)
class Asked:
    """A period of whole local days, as the register said at a moment or says now (None)."""

    first: date
    last: date
    as_of: datetime | None
    limits: Limits

    def stretches(self, site: Site, direction: str) -> list[Stretch]:
        """Return the register of the days asked for, as far as they are of one's own time."""
        found = queries.register(
            [site.pk],
            direction,
            local_midnight(self.first),
            local_midnight(self.last + timedelta(days=1)),
            as_of=self.as_of,
        )[site.pk]
        return within(found, self.limits)


def asked_by(form: RegisterForm, limits: Limits) -> Asked:
    """Return what a form asks for; what can't be asked is left out, and the form says why."""
    today = form.at.astimezone(LONDON).date()
    if form.is_valid():
        values = form.cleaned_data
        return Asked(values["first"], values["last"], values["as_of"], limits)
    return Asked(today, today + timedelta(days=DAYS - 1), None, limits)


@login_required
@require_safe
def register_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a site's register in one direction, and for one half-hour why its numbers are so."""
    organisation = member(request).organisation
    site = get_object_or_404(queries.sites_with_past(organisation), pk=pk)
    limits, at = time_at(site, organisation), clock.now()
    data = request.GET.copy()
    if limits[1] is not None and not data.get("first"):  # who has left looks back
        data["first"] = f"{(limits[1] - timedelta(days=DAYS)).astimezone(LONDON):%Y-%m-%d}"
    form = RegisterForm(data, at=at, longest_days=LONGEST_DAYS)
    asked = asked_by(form, limits)
    direction = request.GET.get("direction", "")
    if direction not in Direction.values:
        direction = _with_a_right(site, asked)
    query = request.GET.copy()
    query.pop("at", None)
    query["direction"] = direction
    query.setdefault("first", asked.first.isoformat())
    query.setdefault("last", asked.last.isoformat())
    form.data = query
    stretches = asked.stretches(site, direction)
    chosen = _half_hour(request.GET.get("at", ""), stretches, at)
    context = {
        "site": site,
        "form": form,
        "direction": direction,
        "direction_label": Direction(direction).label,
        "asked": asked,
        "until": local_midnight(asked.last + timedelta(days=1)),
        "begins": local_midnight(asked.first),
        "chart": chart_of(stretches),
        "stretches": stretches,
        "query": query.urlencode(),
        "why_address": f"?{query.urlencode()}",
        "words": permitted_in_words(stretches, at),
        "why": _why(stretches, chosen) if stretches else None,
        "limits": limits,
        "statements": queries.statements_open_to(organisation)
        .filter(site=site)
        .defer("content")
        .order_by("-month", "-version")[:MOST_STATEMENTS],
        "own": site.organisation_id == organisation.pk,
    }
    return render(
        request,
        "connections/register_page.html",
        context,
        status=200 if form.is_valid() else 422,
    )


def _with_a_right(site: Site, asked: Asked) -> str:
    """Return the first direction in which the site has a right: the one to look at."""
    for direction in (Direction.EXPORT, Direction.IMPORT):
        if any(each.agreed is not None for each in asked.stretches(site, direction)):
            return direction
    return Direction.EXPORT


def _half_hour(text: str, stretches: list[Stretch], at: datetime) -> datetime:
    """Return the half-hour asked about: the one named, else the present, else the first."""
    if not stretches:
        return at
    begins, ends = stretches[0].starts_at, stretches[-1].ends_at
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        named = at
    if named.tzinfo is None:
        named = named.replace(tzinfo=LONDON)
    half_hour = half_hour_of(named)
    return half_hour if begins <= half_hour < ends else begins


def _why(stretches: list[Stretch], at: datetime) -> dict[str, Any]:
    stretch = next(each for each in stretches if each.starts_at <= at < each.ends_at)
    [reasons] = answers.reasons_said([stretch])
    numbers = [
        (label, getattr(stretch, name), stretch.kva(name), [r for r in reasons if r.number == name])
        for name, label in LABELS.items()
    ]
    return {"at": at, "ends": at + HALF_HOUR, "stretch": stretch, "numbers": numbers}


def permitted_in_words(stretches: list[Stretch], at: datetime) -> str:
    """Say what a register permits: now, if now is in it, at least and at most."""
    if not stretches:
        return ""
    least = min(each.permitted for each in stretches)
    most = max(each.permitted for each in stretches)
    if least == most:
        return f"Permitted: {_kw(least)} throughout."
    now = next((each for each in stretches if each.starts_at <= at < each.ends_at), None)
    said = f"{_kw(now.permitted)} now, " if now is not None else ""
    return f"Permitted: {said}{_kw(least)} at the least and {_kw(most)} at the most."


def _kw(kw: Decimal) -> str:
    return f"{kw.normalize():f} kW"


def chart_of(stretches: list[Stretch]) -> dict[str, Any]:
    """Return a register as series by half-hour, for the chart and its table."""
    half_hours = list(half_hourly(stretches))
    data: dict[str, Any] = {"unit": "kW", "times": [at.isoformat() for at, _ in half_hours]}
    for name in SERIES:
        data[name] = [float(getattr(stretch, name) or 0) for _, stretch in half_hours]
    return data


@login_required
@require_safe
def register_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """Download the register of some days, a row a half-hour and direction."""
    organisation = member(request).organisation
    site = get_object_or_404(queries.sites_with_past(organisation), pk=pk)
    form = RegisterForm(request.GET, at=clock.now(), longest_days=LONGEST_FILE_DAYS)
    if not form.is_valid():
        lines = [f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]
        return HttpResponse("\n".join(lines), content_type="text/plain", status=422)
    asked = asked_by(form, time_at(site, organisation))
    only = form.cleaned_data["direction"]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="register-{site.pk}.csv"'
    rows = (
        row
        for direction in ([only] if only else Direction.values)
        for row in answers.half_hourly_rows(direction, asked.stretches(site, direction))
    )
    answers.write_csv(response, answers.HEADS, rows)
    return response


def statement_file(row: CapacityStatement) -> HttpResponse:
    """Return a statement that is made as a download: of a site a PDF, of all sites CSV."""
    whole = row.site_id is None
    kind = "text/csv; charset=utf-8" if whole else CONTENT_TYPE
    answer = HttpResponse(bytes(row.content or b""), content_type=kind)
    name = "capacity-statement" if whole else f"capacity-statement-{row.site_id}"
    again = f"-v{row.version}" if row.version > 1 else ""
    ending = "csv" if whole else "pdf"
    answer["Content-Disposition"] = (
        f'attachment; filename="{name}-{row.month:%Y-%m}{again}.{ending}"'
    )
    return answer


@login_required
@require_safe
def statement_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """Download a site's capacity statement of a month."""
    seen = queries.statements_open_to(member(request).organisation)
    row = get_object_or_404(seen, pk=pk, site__isnull=False)
    return statement_file(row)
