"""Forms of people and organisations."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest

from participants.models import Organisation, User
from participants.states import PEER_ROLES, Role, TokenScope


class SignUpDetails(forms.Form):
    """What sign-up asks on top of e-mail and password."""

    first_name = forms.CharField(max_length=80)
    last_name = forms.CharField(max_length=80)
    organisation = forms.CharField(
        max_length=120,
        required=False,
        help_text="Leave it empty if your organisation has invited you.",
    )

    def clean_organisation(self) -> str:
        name = " ".join(str(self.cleaned_data["organisation"]).split())
        if name and Organisation.objects.filter(name__iexact=name).exists():
            raise forms.ValidationError(
                "This organisation is registered already. Ask one of its administrators to "
                "invite you, and leave this field empty."
            )
        return name

    def signup(self, request: HttpRequest, user: User) -> None:
        """Nothing more: the adapter has saved everything."""


class InvitationForm(forms.Form):
    email = forms.EmailField(label="E-mail address")
    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in Role if role in PEER_ROLES]
    )


class SettingsForm(forms.ModelForm[Organisation]):
    class Meta:
        model = Organisation
        fields = ("may_initiate", "may_buy", "confirm_above_gbp")


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What it is for, in your words.")
    scope = forms.ChoiceField(choices=TokenScope.choices)
    days = forms.IntegerField(label="Valid for (days)", min_value=1, max_value=365, initial=90)
