"""Sites and agreements from a file in the API: looked at, or applied whole (DSO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connections import services
from connections.importing import Preview
from connections.site_files import MOST_BYTES
from core import clock
from core.retry import retried
from core.web.actors import actor_of
from participants.states import TokenScope


class CsvParser(BaseParser):
    """A body of text/csv as it came. Of one that is too large, enough to say so."""

    media_type = "text/csv"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,  # noqa: ARG002  # DRF's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, bytes]:
        return {"file": stream.read(MOST_BYTES + 1)}


class ColumnChangeShape(serializers.Serializer[Any]):
    column = serializers.CharField()
    was = serializers.CharField(allow_null=True)
    will_be = serializers.CharField(allow_null=True)


class DifferenceShape(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    reference = serializers.CharField()
    site = serializers.CharField()
    what = serializers.CharField()
    changes = ColumnChangeShape(many=True)


class FaultShape(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    column = serializers.CharField()
    message = serializers.CharField()


class SiteFileShape(serializers.Serializer[Any]):
    """What a file changes, or has changed."""

    applied = serializers.BooleanField()
    digest = serializers.CharField()
    differences = DifferenceShape(many=True)
    faults = FaultShape(many=True)


def shown(found: Preview, *, applied: bool) -> dict[str, Any]:
    """Return a preview as ``SiteFileShape`` has it."""
    return {
        "applied": applied,
        "digest": found.digest,
        "differences": [
            {
                "row": each.row.number,
                "reference": each.row["reference"],
                "site": each.row["site"],
                "what": each.what,
                "changes": [
                    {"column": name, "was": _text(was), "will_be": _text(will)}
                    for name, was, will in each.changes
                ],
            }
            for each in found.differences
        ],
        "faults": [
            {"row": each.row, "column": each.column, "message": each.message}
            for each in found.faults
        ],
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class SiteFileView(APIView):
    parser_classes = [CsvParser]
    scope = TokenScope.MANAGE
    tells_what_is_in_the_way = True

    @extend_schema(
        operation_id="site_file_create",
        parameters=[
            OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="Write nothing."),
            OpenApiParameter("digest", OpenApiTypes.STR, description="Of the preview looked at."),
        ],
        request={"text/csv": OpenApiTypes.BINARY},
        responses=SiteFileShape,
    )
    def post(self, request: Request) -> Response:
        """Apply a CSV file of sites and agreements, whole or not at all; or look at it."""
        body: Any = request.data  # without a body there is no file in it
        data, actor = body.get("file", b""), actor_of(request.user)
        if request.query_params.get("dry_run", "").lower() in {"1", "true", "yes"}:
            found = services.look_at_site_file(data=data, actor=actor)
            return Response(shown(found, applied=False))
        found = retried(
            services.apply_site_file,
            data=data,
            digest=request.query_params.get("digest", ""),
            actor=actor,
            at=clock.now(),
        )
        return Response(shown(found, applied=True))
