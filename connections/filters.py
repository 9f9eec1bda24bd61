"""How the API narrows sites, registrations and TCVNs down.

Rows are named by number: an id that one may not see finds nothing, like one that isn't there.
"""

from __future__ import annotations

import django_filters

from connections.models import Registration, Site, Tcvn


class SiteFilter(django_filters.FilterSet):
    area = django_filters.NumberFilter(field_name="area_id")

    class Meta:
        model = Site
        fields: list[str] = []


class RegistrationFilter(django_filters.FilterSet):
    site = django_filters.NumberFilter(field_name="site_id")

    class Meta:
        model = Registration
        fields = ("state",)


class TcvnFilter(django_filters.FilterSet):
    site = django_filters.NumberFilter(field_name="site_id")

    class Meta:
        model = Tcvn
        fields = ("state", "direction", "role")
