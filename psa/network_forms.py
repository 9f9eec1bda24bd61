"""Shapes of what engineers send about network models: files, places of sites, acceptances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from connections.models import Area
from psa import services
from psa.queries import Place
from psa.states import NetworkFormat


class NetworkModelForm(forms.Form):
    """A network as a file, in any of the formats that are read."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    name = forms.CharField(max_length=120, help_text="What engineers shall know this model by.")
    file = forms.FileField(
        help_text="pandapower JSON (to_json) or Excel (to_excel), a zip of a SimBench grid's CSV "
        f"files, or a zip of CGMES profiles; {services.LARGEST_FILE // 1024**2} MB at most. It is "
        "read and checked in the background. Nothing changes until you publish it."
    )
    format = forms.ChoiceField(
        choices=[("", "As the file shows"), *NetworkFormat.choices], required=False
    )


class MappingForm(forms.Form):
    """At which bus of a draft each site of its area shall hang."""

    def __init__(self, *args: Any, places: Sequence[Place], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in places:
            field = forms.CharField(
                max_length=120, required=False, label=place.name, initial=place.bus
            )
            field.widget.attrs |= {"list": "buses", "autocomplete": "off"}
            self.fields[f"site_{place.site_id}"] = field

    def places(self) -> dict[int, str]:
        return {
            int(name.removeprefix("site_")): bus.strip() for name, bus in self.cleaned_data.items()
        }


class AcceptanceForm(forms.Form):
    """Why a draft's warnings may stand, and which they were."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(
        label="Why they may stand",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 36}),
    )
