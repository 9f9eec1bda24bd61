"""Shapes of what engineers send about network models: files, places of sites, acceptances."""

from __future__ import annotations

from typing import Any

from django import forms

from connections.models import Area
from psa import services
from psa.forms import in_london, local_time
from psa.models import NetworkModel
from psa.queries import places_of_sites
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

    def values(self) -> dict[str, Any]:
        """Return what the service is given."""
        area, file = self.cleaned_data["area"], self.cleaned_data["file"]
        return {
            "area_id": area.pk,
            "name": self.cleaned_data["name"],
            "format": self.cleaned_data["format"],
            # One byte more than may be tells the service that it is too large.
            "content": file.read(services.LARGEST_FILE + 1),
            "file_name": file.name or "",
        }


class DraftForm(forms.Form):
    """What is asked of a version. Withdrawing it asks for nothing else."""

    def __init__(self, *args: Any, model: NetworkModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model = model

    def values(self) -> dict[str, Any]:
        """Return what the service is given."""
        return self.cleaned_data


class MappingForm(DraftForm):
    """At which bus of a draft each site of its area shall hang."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in places_of_sites(self.model):
            field = forms.CharField(
                max_length=120, required=False, label=place.name, initial=place.bus
            )
            field.widget.attrs |= {"list": "buses", "autocomplete": "off"}
            self.fields[f"site_{place.site_id}"] = field

    def values(self) -> dict[str, Any]:
        places = {
            int(name.removeprefix("site_")): bus.strip() for name, bus in self.cleaned_data.items()
        }
        return {"places": places}


class AcceptanceForm(DraftForm):
    """Why a draft's warnings may stand, and which they were when they were read."""

    digest = forms.CharField(required=False, widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(
        required=False,  # an empty one is the service's to refuse
        label="Why they may stand",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 36}),
    )


class PublicationForm(DraftForm):
    """From when a version applies."""

    valid_from = local_time(
        "In force from (local time)",
        required=False,
        help_text="The beginning of a half-hour. Empty: at once, from the current half-hour.",
    )

    def clean_valid_from(self) -> Any:
        entered = self.cleaned_data["valid_from"]
        return in_london(entered) if entered else None
