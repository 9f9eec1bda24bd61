"""The guided form of a registration: one question group a page. Shape of input only."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import capfirst

from connections.content import TAKEN
from connections.models import Area, Registration, Site
from connections.rules import mpan_is_valid
from connections.states import Technology
from core.windows import WEEKDAY_NAMES

WEEKDAYS = [(n, name) for n, name in enumerate(WEEKDAY_NAMES, 1)]
MONTHS = [(n, name) for n, name in enumerate(calendar.month_name) if n]
MOST_ASSETS = 6
MPANS = ("import_mpan", "export_mpan")
TYPED = ("name", "area", "postcode", *MPANS, "agreement", "mic_kva", "mec_kva")
WANTED = ("buy_export_kw", "buy_import_kw", "sell_export_kw", "sell_import_kw")


class PlaceForm(forms.Form):
    """A site on record, chosen or found by MPAN; or one that is typed in."""

    site = forms.ModelChoiceField(
        Site.objects.none(),
        required=False,
        label="One of your sites on record",
        empty_label="None of these",
    )
    mpan = forms.CharField(
        required=False,
        label="Or find it by MPAN",
        help_text="13 digits, from a bill. All that is on record is looked through.",
    )
    name = forms.CharField(label="Name of the site", max_length=80, required=False)
    area = forms.ModelChoiceField(
        Area.objects.none(),
        required=False,
        label="Area",
        help_text="The primary substation that feeds the site.",
    )
    postcode = forms.CharField(max_length=10, required=False)
    import_mpan = forms.CharField(label="Import MPAN", required=False, help_text="13 digits.")
    export_mpan = forms.CharField(label="Export MPAN", required=False, help_text="13 digits.")
    agreement = forms.CharField(
        label="Reference of the connection agreement", max_length=40, required=False
    )
    mic_kva = forms.DecimalField(
        label="MIC (kVA), if any", min_value=0, required=False, max_digits=12, decimal_places=3
    )
    mec_kva = forms.DecimalField(
        label="MEC (kVA), if any", min_value=0, required=False, max_digits=12, decimal_places=3
    )

    def __init__(
        self, data: Any = None, *, sites: Any, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        areas = Area.objects.filter(children=None).order_by("name")
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
        self.fields["area"].queryset = areas  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in ("mpan", "import_mpan", "export_mpan"):
            values[name] = mpan = "".join(str(values.get(name) or "").split())
            if mpan and not mpan_is_valid(mpan):
                self.add_error(name, "This is no MPAN: 13 digits, the last must fit the others.")
        if values.get("site") or self.errors:
            return values
        if not values.get("name"):
            self.add_error("name", "Choose a site, find it by MPAN, or say what it is called.")
        if not values.get("site") and values.get("name") and not values.get("area"):
            self.add_error("area", "Choose the area that feeds the site.")
        return values

    def place(self) -> dict[str, Any]:
        """Return the site, or what was typed of it, as the service takes it."""
        values = self.cleaned_data
        if values.get("site"):
            return {"site_id": values["site"].pk}
        typed = {name: values[name] for name in TYPED}
        if values["mpan"] and not typed["import_mpan"] and not typed["export_mpan"]:
            typed["import_mpan"] = values["mpan"]
        return {"proposal": typed}


class AssetsForm(forms.Form):
    """What stands at the site, a row each; rows left empty are none."""

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        for n in range(1, MOST_ASSETS + 1):
            self.fields[f"technology_{n}"] = forms.ChoiceField(
                label=f"Asset {n}", choices=[("", "None"), *Technology.choices], required=n == 1
            )
            self.fields[f"rated_kw_{n}"] = forms.DecimalField(
                label=f"Rated power of asset {n} (kW)",
                max_digits=12,
                decimal_places=3,
                min_value=Decimal("0.001"),
                required=n == 1,
            )

    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"technology_{n}"], self[f"rated_kw_{n}"]) for n in range(1, MOST_ASSETS + 1)]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for n in range(1, MOST_ASSETS + 1):
            technology, kw = values.get(f"technology_{n}"), values.get(f"rated_kw_{n}")
            if technology and kw is None and not self.has_error(f"rated_kw_{n}"):
                self.add_error(f"rated_kw_{n}", "Say how much power it is rated for.")
            if kw is not None and not technology and not self.has_error(f"technology_{n}"):
                self.add_error(f"technology_{n}", "Say what it is.")
        return values

    def answers(self) -> dict[str, Any]:
        values = self.cleaned_data
        rows = [
            (values[f"technology_{n}"], values[f"rated_kw_{n}"])
            for n in range(1, MOST_ASSETS + 1)
            if values.get(f"technology_{n}")
        ]
        return {"assets": rows}

    @staticmethod
    def initial_of(registration: Registration) -> dict[str, Any]:
        return {
            name: value
            for n, each in enumerate(registration.assets.order_by("pk"), 1)
            for name, value in (
                (f"technology_{n}", each.technology),
                (f"rated_kw_{n}", each.rated_kw),
            )
        }


class CapacityForm(forms.ModelForm[Registration]):
    """The most that the site wants to buy, and the most that it has to sell."""

    class Meta:
        model = Registration
        fields = WANTED
        labels = {
            "buy_export_kw": "Export to buy, at most (kW)",
            "buy_import_kw": "Import to buy, at most (kW)",
            "sell_export_kw": "Export to sell, at most (kW)",
            "sell_import_kw": "Import to sell, at most (kW)",
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in WANTED:
            value = values.get(name)
            if value is not None and value <= 0:
                self.add_error(name, "A capacity given is above zero, or left empty.")
        if not self.errors and not any(values.get(name) for name in WANTED):
            message = "Say how much capacity the site wants to buy or to sell."
            self.add_error("buy_export_kw", message)
        return values

    def answers(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in WANTED}


class TimesForm(forms.ModelForm[Registration]):
    months = forms.TypedMultipleChoiceField(
        coerce=int, choices=MONTHS, widget=forms.CheckboxSelectMultiple
    )
    weekdays = forms.TypedMultipleChoiceField(
        coerce=int, choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Registration
        fields = ("months", "weekdays", "note")
        labels = {"note": "What it is for, and anything the network operator should know"}
        widgets = {"note": forms.Textarea(attrs={"rows": 4})}

    def answers(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("months", "weekdays", "note")}


class DocumentForm(forms.Form):
    file = forms.FileField(
        label="Attach a file",
        help_text=f"{TAKEN}, 10 MB at most: the agreement, a single-line diagram, a photograph.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.csv"}),
    )


class MessageForm(forms.Form):
    text = forms.CharField(
        label="Write to the network operator", max_length=4000, widget=forms.Textarea({"rows": 3})
    )


class PreparerForm(forms.Form):
    email = forms.EmailField(label="E-mail address of who prepares it")


def summary_of(registration: Registration) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what a registration says: (page, heading, rows of label and value)."""
    wanted = [
        (capfirst(CapacityForm.Meta.labels[name].replace(", at most (kW)", "")), _kw(value))
        for name in WANTED
        if (value := getattr(registration, name)) is not None
    ]
    return [
        ("site", "Site", _place(registration)),
        ("assets", "Assets", [("Assets", _listed(registration.assets.all()))]),
        ("capacity", "Capacity", wanted or [("Capacity", "nothing yet")]),
        (
            "times",
            "Months and weekdays",
            [
                ("Months", _listed(calendar.month_abbr[n] for n in registration.months)),
                ("Weekdays", _listed(WEEKDAY_NAMES[n - 1] for n in registration.weekdays)),
                ("What it is for", registration.note or "nothing said"),
            ],
        ),
        ("documents", "Documents", [("Attached", _listed(_names(registration)))]),
    ]


def _names(registration: Registration) -> list[str]:
    return list(registration.documents.order_by("pk").values_list("name", flat=True))


def _place(registration: Registration) -> list[tuple[str, str]]:
    if registration.site is not None:
        mpans = registration.site.mpans.order_by("pk").values_list("mpan", flat=True)
        return [
            ("Site on record", registration.site.name),
            ("Area", registration.site.area.name),
            ("MPANs", _listed(mpans)),
        ]
    typed = registration.proposal
    return [
        ("Site, not on record yet", typed.name),
        ("Area", typed.area.name),
        ("Postcode", typed.postcode or "none"),
        ("Import MPAN", typed.import_mpan or "none"),
        ("Export MPAN", typed.export_mpan or "none"),
        ("Connection agreement", typed.agreement or "not said"),
        ("MIC", "none" if typed.mic_kva is None else f"{typed.mic_kva.normalize():f} kVA"),
        ("MEC", "none" if typed.mec_kva is None else f"{typed.mec_kva.normalize():f} kVA"),
    ]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(str(each) for each in values) or "none"


def _kw(value: Decimal) -> str:
    return f"{value.normalize():f} kW"
