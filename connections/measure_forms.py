"""Shapes of what a site records with its TCVN."""

from __future__ import annotations

from typing import Any

from django import forms

from connections.forms import DateInput
from connections.models import LimitationSetting, SupplierNotice


class LimitationForm(forms.ModelForm[LimitationSetting]):
    file = forms.FileField(
        label="Evidence of the test",
        help_text="PDF, PNG, JPEG or CSV, 10 MB at most: the test sheet or the signed certificate.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.csv"}),
    )

    class Meta:
        model = LimitationSetting
        fields = ("before_kw", "after_kw", "changed_by", "changed_on", "tested_by", "tested_on")
        widgets = {"changed_on": DateInput(), "tested_on": DateInput()}

    def _post_clean(self) -> None:
        """Leave the model's rules to the service."""

    def details(self) -> dict[str, Any]:
        """Return what was typed as the service takes it."""
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        file = self.cleaned_data["file"]
        return {**values, "file_name": file.name, "file_content": file.read()}


class SetBackForm(forms.Form):
    set_back_by = forms.CharField(label="Set back by (name and company)", max_length=120)
    set_back_on = forms.DateField(label="Set back on", widget=DateInput())


class SupplierForm(forms.ModelForm[SupplierNotice]):
    class Meta:
        model = SupplierNotice
        fields = ("supplier", "told_on")
        widgets = {"told_on": DateInput()}
        labels = {"told_on": "Told on"}
