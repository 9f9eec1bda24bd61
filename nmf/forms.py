"""Shapes of what people enter on the market's pages. They don't save."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.models import Site
from connections.queries import sites_of
from core.periods import next_half_hour
from core.windows import EVERY_DAY, WEEKDAY_NAMES, ServiceWindow
from nmf import queries
from nmf.filters import SERVICES
from nmf.models import Request, Response
from nmf.services import Wish
from nmf.states import Route, Side
from participants.models import Organisation

HALF_HOURS = [
    (f"{minutes // 60:02d}:{minutes % 60:02d}", f"{minutes // 60:02d}:{minutes % 60:02d}")
    for minutes in range(0, 24 * 60, 30)
]


class SiteChoice(forms.ModelChoiceField[Site]):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.organisation.name}, {obj.area.name})"


def only_one(sites: QuerySet[Site]) -> Site | None:
    """Return the site that needs no choosing."""
    found = list(sites[:2])
    return found[0] if len(found) == 1 else None


class RequestForm(forms.Form):
    site = SiteChoice(queryset=Site.objects.none(), label="Your site", empty_label="Choose a site")
    direction = forms.ChoiceField(choices=SERVICES, label="Service")
    side = forms.ChoiceField(choices=Side.choices, label="You want to", widget=forms.RadioSelect)
    route = forms.ChoiceField(choices=Route.choices, label="To whom", widget=forms.RadioSelect)
    counterparty_site = SiteChoice(
        queryset=Site.objects.none(),
        empty_label="Choose a site",
        required=False,
        label="The named peer's site",
        help_text="Only for a direct request.",
    )
    first_date = forms.DateField(
        label="First day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_date = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    weekdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=list(enumerate(WEEKDAY_NAMES, start=1)),
        label="On",
        widget=forms.CheckboxSelectMultiple,
    )
    start_time = forms.TypedChoiceField(
        coerce=time.fromisoformat,
        choices=HALF_HOURS,
        label="From",
        help_text="Local time.",
    )
    end_time = forms.TypedChoiceField(
        coerce=time.fromisoformat,
        choices=HALF_HOURS,
        label="Until",
        help_text="00:00 is midnight at the end of the day. An end before the start crosses "
        "midnight.",
    )
    kw = forms.DecimalField(label="Capacity (kW)", max_digits=12, decimal_places=3, min_value=0)
    smallest_kw = forms.DecimalField(
        label="Smallest part you accept (kW)",
        max_digits=12,
        decimal_places=3,
        required=False,
        min_value=0,
    )
    price_gbp_per_kwh = forms.DecimalField(
        label="Price (£/kW/h)",
        max_digits=12,
        decimal_places=5,
        min_value=0,
        help_text="A buyer's highest, a seller's lowest. £0.02 /kW/h is £20 /MW/h.",
    )
    message = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Message to the other peers",
    )
    excluded = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own: Any = self.fields["site"]
        own.queryset = sites_of(organisation)
        peers: Any = self.fields["counterparty_site"]
        peers.queryset = queries.peer_sites(organisation)
        self.initial.setdefault("weekdays", list(EVERY_DAY))
        self.initial.setdefault("site", only_one(own.queryset))
        self.initial.setdefault("side", Side.BUY)
        self.initial.setdefault("route", Route.POOL)

    def clean_excluded(self) -> frozenset[datetime]:
        try:
            return frozenset(
                datetime.fromisoformat(text).astimezone(UTC)
                for text in self.cleaned_data["excluded"].split(",")
                if text
            )
        except ValueError as error:
            raise forms.ValidationError("These are no half-hours.", code="excluded") from error

    def wish(self) -> Wish:
        values = self.cleaned_data
        peer = values["counterparty_site"]
        return Wish(
            site_id=values["site"].pk,
            direction=values["direction"],
            side=values["side"],
            route=values["route"],
            counterparty_site_id=peer.pk if peer else None,
            window=ServiceWindow(
                first_date=values["first_date"],
                last_date=values["last_date"],
                weekdays=tuple(values["weekdays"]),
                start_time=values["start_time"],
                end_time=values["end_time"],
                excluded=values["excluded"],
            ),
            kw=values["kw"],
            smallest_kw=values["smallest_kw"],
            price_gbp_per_kwh=values["price_gbp_per_kwh"],
            message=values["message"],
        )


class ResponseForm(forms.Form):
    site = SiteChoice(queryset=Site.objects.none(), label="Your site", empty_label="Choose a site")
    kw = forms.DecimalField(label="Capacity (kW)", max_digits=12, decimal_places=3, min_value=0)
    price_gbp_per_kwh = forms.DecimalField(
        label="Price (£/kW/h)",
        max_digits=12,
        decimal_places=5,
        min_value=0,
        help_text="As asked, or change it: that is a counter-offer.",
    )
    message = forms.CharField(
        required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(
        self, *args: Any, request: Request, organisation: Organisation, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        sites = sites_of(organisation)
        if request.counterparty_site_id is not None:
            sites = sites.filter(pk=request.counterparty_site_id)
        field: Any = self.fields["site"]
        field.queryset = sites
        self.initial.setdefault("site", only_one(sites))
        self.initial.setdefault("kw", _plain(request.kw - request.filled_kw))
        self.initial.setdefault("price_gbp_per_kwh", request.price_gbp_per_kwh)


class AcceptForm(forms.Form):
    kw = forms.DecimalField(label="Accept (kW)", max_digits=12, decimal_places=3, min_value=0)

    def __init__(self, *args: Any, response: Response, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left = response.request.kw - response.request.filled_kw
        self.initial.setdefault("kw", _plain(min(left, response.kw)))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class CancellationForm(forms.Form):
    from_at = forms.DateTimeField(
        label="From",
        help_text="The start of a half-hour, local time. Half-hours before it stay.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(
        required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    @staticmethod
    def first_moment(starts_at: datetime, at: datetime) -> datetime:
        """Return the first half-hour that may be proposed, with a little time to agree."""
        return max(starts_at, next_half_hour(at + timedelta(minutes=30)))


def _plain(kw: Decimal) -> str:
    return f"{kw.normalize():f}"
