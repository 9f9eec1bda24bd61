"""How the API narrows sites, registrations and TCVNs down.

Rows are named by number: an id that one may not see finds nothing, like one that isn't there.
"""

from __future__ import annotations

import django_filters
from django import forms
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from connections.models import Registration, Site, Tcvn


@extend_schema_field(OpenApiTypes.INT)
class IdFilter(django_filters.NumberFilter):
    field_class = forms.IntegerField


class SiteFilter(django_filters.FilterSet):
    area = IdFilter(field_name="area_id")

    class Meta:
        model = Site
        fields: list[str] = []


class RegistrationFilter(django_filters.FilterSet):
    site = IdFilter(field_name="site_id")

    class Meta:
        model = Registration
        fields = ("state",)


class TcvnFilter(django_filters.FilterSet):
    site = IdFilter(field_name="site_id")

    class Meta:
        model = Tcvn
        fields = ("state", "direction", "role")
