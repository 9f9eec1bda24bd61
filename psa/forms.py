"""Shapes of what is uploaded: network models."""

from __future__ import annotations

from django import forms

from connections.models import Area

LARGEST_FILE = 200 * 1024 * 1024


class NetworkModelForm(forms.Form):
    """A pandapower network as its JSON file."""

    area = forms.ModelChoiceField(Area.objects.filter(studied=True), label="Study area")
    name = forms.CharField(max_length=120)
    file = forms.FileField(
        label="pandapower JSON",
        help_text="As written by pandapower's to_json. It is checked before it can be published.",
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError("This file is larger than 200 MB.")
        try:
            text: str = file.read().decode()
        except UnicodeDecodeError as error:
            raise forms.ValidationError("This file is no text.") from error
        return text
