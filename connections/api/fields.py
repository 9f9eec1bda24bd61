"""Fields of inputs that name a site."""

from __future__ import annotations

from django.db.models import QuerySet

from connections import queries
from connections.models import Site
from core.api.fields import VisibleRow


class OwnSite(VisibleRow[Site]):
    """A site of the calling organisation (``organisation`` in the serializer's context)."""

    queryset = Site.objects.none()

    def get_queryset(self) -> QuerySet[Site]:
        return queries.sites_of(self.context["organisation"])


class SeenSite(VisibleRow[Site]):
    """A site that the caller may see: the DSO all."""

    queryset = Site.objects.none()

    def get_queryset(self) -> QuerySet[Site]:
        return queries.sites_seen_by(self.context["organisation"])
