"""Network models in the API: a file sent in, and what the check found (DSO)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from connections.models import Area
from core import clock
from core.api.fields import VisibleRow
from core.api.idempotency import idempotent
from core.errors import Refusal, RefusedError
from core.retry import retried
from core.web.actors import actor_of
from participants.api.authentication import caller
from participants.states import OrganisationKind
from psa import services
from psa.models import NetworkModel
from psa.states import NetworkFormat


class FindingSerializer(serializers.Serializer[Any]):
    """One fault: an error keeps the model from being published, a warning until it is accepted."""

    severity = serializers.ChoiceField(choices=["error", "warning"])
    code = serializers.CharField()
    table = serializers.CharField()
    element = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()


class NetworkModelSerializer(serializers.ModelSerializer[NetworkModel]):
    """A version of a study area's network. ``findings`` are null while it is read and checked."""

    findings = serializers.SerializerMethodField()

    class Meta:
        model = NetworkModel
        fields = (
            "id",
            "area",
            "version",
            "name",
            "state",
            "format",
            "file_name",
            "file_sha256",
            "sha256",
            "findings",
            "created_at",
            "published_at",
            "valid_from",
        )
        read_only_fields = fields

    @extend_schema_field(FindingSerializer(many=True, allow_null=True))
    def get_findings(self, model: NetworkModel) -> list[dict[str, str]] | None:
        found: list[dict[str, str]] | None = model.findings
        return found


class NetworkFileSerializer(serializers.Serializer[Any]):
    """A network as a file: ``file`` in a multipart form, or ``content`` (base64) in JSON."""

    area = VisibleRow(queryset=Area.objects.filter(studied=True))
    name = serializers.CharField(max_length=120)
    format = serializers.ChoiceField(
        choices=NetworkFormat.choices, required=False, allow_blank=True, default=""
    )
    file = serializers.FileField(required=False, allow_empty_file=True)
    content = serializers.CharField(required=False, trim_whitespace=False)
    file_name = serializers.CharField(required=False, default="", max_length=200, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("content" in attrs):
            message = "Send a file (multipart) or its content (base64), one of the two."
            raise RefusedError([Refusal("file_or_content", message, "file")])
        file = attrs.pop("file", None)
        if file is not None:
            attrs["content"] = file.read(services.LARGEST_FILE + 1)
            attrs["file_name"] = attrs["file_name"] or file.name or ""
            return attrs
        try:
            attrs["content"] = base64.b64decode(attrs["content"], validate=True)
        except (binascii.Error, ValueError) as error:
            message = "content is no base64."
            raise RefusedError([Refusal("content_base64", message, "content")]) from error
        return attrs


class PublicationSerializer(serializers.Serializer[Any]):
    """From when a version applies: the beginning of a half-hour; if not given, the current one."""

    valid_from = serializers.DateTimeField(required=False, allow_null=True, default=None)


class NetworkModelViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[NetworkModel]
):
    """Network models of the study areas, for the DSO."""

    queryset = NetworkModel.objects.none()
    serializer_class = NetworkModelSerializer
    parser_classes = (JSONParser, MultiPartParser)
    filterset_fields = ("state",)

    def get_queryset(self) -> QuerySet[NetworkModel]:
        if getattr(self, "swagger_fake_view", False):
            return NetworkModel.objects.none()
        if caller(self.request).organisation.kind != OrganisationKind.DSO:
            return NetworkModel.objects.none()
        return NetworkModel.objects.defer("network", "diagram", "changes").order_by("-pk")

    @extend_schema(request=NetworkFileSerializer, responses={201: NetworkModelSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Send in a file as a draft. A worker reads and checks it; ask again for its findings."""
        shape = NetworkFileSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        values = dict(shape.validated_data)
        model: NetworkModel = retried(
            services.upload_network_model,
            area_id=values.pop("area").pk,
            actor=actor_of(request.user),
            at=clock.now(),
            **values,
        )
        return Response(NetworkModelSerializer(model).data, status=201)

    @extend_schema(request=PublicationSerializer, responses={200: NetworkModelSerializer})
    @action(detail=True, methods=["post"], parser_classes=[JSONParser])
    @idempotent
    def publish(self, request: Request, pk: str) -> Response:  # noqa: ARG002  # the route's
        """Publish a checked draft: it applies from ``valid_from`` until the next version does."""
        shape = PublicationSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        model: NetworkModel = retried(
            services.publish_network_model,
            model_id=self.get_object().pk,
            actor=actor_of(request.user),
            at=clock.now(),
            **shape.validated_data,
        )
        return Response(NetworkModelSerializer(model).data)

    @extend_schema(request=None, responses={200: NetworkModelSerializer})
    @action(detail=True, methods=["post"], parser_classes=[JSONParser])
    @idempotent
    def withdraw(self, request: Request, pk: str) -> Response:  # noqa: ARG002  # the route's
        """Make a published version that is not in force yet a draft again."""
        model: NetworkModel = retried(
            services.withdraw_network_model,
            model_id=self.get_object().pk,
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(NetworkModelSerializer(model).data)
