"""Studies in the API: read, asked as what-ifs, and taken along as files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries as connections
from core import clock
from core.api.idempotency import idempotent
from core.api.renderers import PdfRenderer
from core.errors import WrongStateError
from core.pdf import CONTENT_TYPE
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller
from participants.states import OrganisationKind
from psa import queries, services
from psa.api.serializers import (
    PaperSerializer,
    StudyInListSerializer,
    StudySerializer,
    WhatIfSerializer,
)
from psa.models import Study
from psa.receipts import NoReceiptError, receipt_of
from psa.seen.documents import content_of, file_name, paper_of, why_none
from psa.seen.facts import facts_of


class StudyViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Study]
):
    """The studies of your own contracts and capacity variations; the DSO sees all."""

    queryset = Study.objects.none()
    serializer_class = StudySerializer
    filterset_fields = ("state", "kind", "reference")

    def get_queryset(self) -> QuerySet[Study]:
        if getattr(self, "swagger_fake_view", False):
            return Study.objects.none()
        organisation = caller(self.request).organisation
        if organisation.kind == OrganisationKind.DSO:
            found = Study.objects.all()
        else:
            sites = connections.sites_of(organisation).values_list("pk", flat=True)
            found = queries.studies_about(sites)
        return found.order_by("-pk")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Study]]:
        return StudyInListSerializer if self.action == "list" else StudySerializer

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def receipt(self, request: Request, **_kwargs: Any) -> HttpResponse:
        """All that a study was computed from, and its answer, as a file to compute again: the DSO.

        It holds the forecasts and rights of every site of the area.
        """
        study = self._for_the_dso(request)
        try:
            text = receipt_of(study)
        except NoReceiptError as error:
            raise WrongStateError("psa.study.receipt", str(error)) from error
        name = f'attachment; filename="study-{study.pk}.json"'
        return HttpResponse(
            text, content_type="application/json", headers={"Content-Disposition": name}
        )

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def facts(self, request: Request, **_kwargs: Any) -> Response:
        """All that is known of a study, as its PDF has it: the DSO."""
        return Response(facts_of(self._for_the_dso(request)))

    @extend_schema(responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=[],
        renderer_classes=[JSONRenderer, PdfRenderer],
    )
    def pdf(self, request: Request, **_kwargs: Any) -> HttpResponse:
        """A finished study as a document to sign and file: the DSO, who asks for it with POST."""
        study = self._for_the_dso(request)
        content = content_of(study)
        if content is None:
            raise WrongStateError("psa.study.pdf", why_none(study))
        name = f'attachment; filename="{file_name(study)}"'
        return HttpResponse(
            content, content_type=CONTENT_TYPE, headers={"Content-Disposition": name}
        )

    @extend_schema(request=None, responses={202: PaperSerializer})
    @pdf.mapping.post
    @idempotent
    def ask_for_pdf(self, request: Request, **_kwargs: Any) -> Response:
        """Have a worker make a finished study's PDF, once; GET gives it some seconds later."""
        study = self._for_the_dso(request)
        retried(
            services.request_document,
            study_id=study.pk,
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(PaperSerializer(paper_of(study)).data, status=202)

    def _for_the_dso(self, request: Request) -> Study:
        """Return the study: what is known of it holds forecasts of sites of the whole area."""
        if caller(request).organisation.kind != OrganisationKind.DSO:
            raise Http404
        return self.get_object()

    @extend_schema(request=WhatIfSerializer, responses={201: StudySerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Ask a what-if (the DSO's engineers): it is studied, and changes nothing."""
        shape = WhatIfSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        study: Study = retried(
            services.ask_what_if,
            wish=shape.wish(),
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(StudySerializer(study).data, status=201)
