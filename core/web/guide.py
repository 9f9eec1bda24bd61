"""The style guide: every component on one page, for those who build pages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.templatetags import ui

AT = datetime(2026, 3, 29, 1, tzinfo=UTC)


class Example(forms.Form):
    kw = forms.DecimalField(label="Capacity (kW)", help_text="In steps of 1 kW.", min_value=1)
    side = forms.ChoiceField(
        label="You want to",
        choices=[("BUY", "Buy"), ("SELL", "Sell")],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    context = {
        "states": [state for states in ui.TONES.values() for state in states.split()],
        "steps": ["Request", "Responses", "Contract", "Study", "Decision"],
        "rows": [("Site", "Site 1"), ("Window", "1 Jun 2026 to 7 Jun 2026, Mon to Fri")],
        "formats": [
            ("kw", ui.kw(Decimal("40.500"))),
            ("price", ui.price(Decimal("0.02500"))),
            ("money", ui.money(Decimal("1512.20"))),
            ("half_hours", ui.half_hours(48)),
            ("when", ui.when(AT)),
        ],
        "form": Example({"kw": "0"}),
        "bars": {"unit": "count", "labels": ["pass", "fail"], "values": [44, 4]},
        "events": [{"title": "Agreed", "at": AT, "who": "Site 1"}],
    }
    return render(request, "components/guide.html", context)
