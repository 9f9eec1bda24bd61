"""The capacity register in the API: its stretches, its changes in order, its days by MPAN."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connections import queries
from connections.register import answers, feed
from connections.register.states import Change, SourceKind
from connections.states import Direction
from connections.tenancies import parts_of
from connections.views.register import statement_file
from core import clock
from core.api.renderers import CsvRenderer
from core.errors import Refusal, RefusedError
from core.periods import HALF_HOUR, LONDON, half_hour_of, local_midnight
from participants.api.authentication import caller
from participants.states import OrganisationKind

KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}
LONGEST_DAYS = 366
MONTH = r"^20\d{2}-(0[1-9]|1[0-2])$"  # "2026-06"


class ReasonShape(serializers.Serializer[Any]):
    """What makes up a number: the agreement, notice or contract, and what it does."""

    number = serializers.CharField()
    kw = serializers.DecimalField(**KW)
    made_by = serializers.ChoiceField(choices=SourceKind.choices)
    reference = serializers.CharField()
    words = serializers.CharField()


class RegisterShape(serializers.Serializer[Any]):
    """A stretch of the register in which nothing changes; kW, agreed null: no right."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    agreed = serializers.DecimalField(allow_null=True, **KW)
    ceiling = serializers.DecimalField(**KW)
    earmarked = serializers.DecimalField(**KW)
    bought = serializers.DecimalField(**KW)
    sold = serializers.DecimalField(**KW)
    held_bought = serializers.DecimalField(**KW)
    held_sold = serializers.DecimalField(**KW)
    permitted = serializers.DecimalField(**KW)
    kva = serializers.DictField(
        child=serializers.DecimalField(allow_null=True, **KW),
        help_text="The same numbers; null: no agreement.",
    )
    why = ReasonShape(many=True)


def past(moment: datetime | None) -> datetime | None:
    """Let a moment pass that is not to come.

    :raises RefusedError: if it is
    """
    if moment is not None and moment > clock.now():
        message = "The register has said nothing yet of what it will say."
        raise RefusedError([Refusal("moment_to_come", message, "as_of")])
    return moment


class RegisterQuery(serializers.Serializer[Any]):
    direction = serializers.ChoiceField(choices=Direction.choices)
    starts_at = serializers.DateTimeField(default=None, help_text="Without one: this half-hour.")
    ends_at = serializers.DateTimeField(
        default=None, help_text="Without one: the end of the half-hour of starts_at."
    )
    as_of = serializers.DateTimeField(
        default=None, help_text="Answer as the register said at this past moment."
    )

    def validate_as_of(self, moment: datetime | None) -> datetime | None:
        return past(moment)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["starts_at"] = attrs["starts_at"] or half_hour_of(clock.now())
        attrs["ends_at"] = attrs["ends_at"] or half_hour_of(attrs["starts_at"]) + HALF_HOUR
        length = attrs["ends_at"] - attrs["starts_at"]
        if length.total_seconds() <= 0 or length.days > LONGEST_DAYS:
            message = "ends_at is after starts_at, by a year at most."
            raise RefusedError([Refusal("period_length", message, "ends_at")])
        return attrs


class ChangeShape(serializers.Serializer[Any]):
    """A change of the register: what its source gives the site from then on."""

    number = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    site = serializers.IntegerField()
    site_name = serializers.CharField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    made_by = serializers.ChoiceField(choices=SourceKind.choices)
    reference = serializers.CharField()
    change = serializers.ChoiceField(choices=Change.choices)
    figures = serializers.DictField(child=serializers.JSONField())
    periods = serializers.ListField(
        child=serializers.ListField(child=serializers.DateTimeField(allow_null=True)),
        help_text="Half-open; none: it counts no more; an end of null: for good.",
    )
    affected_from = serializers.DateTimeField()
    affected_until = serializers.DateTimeField(allow_null=True)


class ChangesShape(serializers.Serializer[Any]):
    changes = ChangeShape(many=True)
    next = serializers.IntegerField(help_text="Send this as since= the next time.")
    more = serializers.BooleanField(help_text="There are more already.")


class ChangesQuery(serializers.Serializer[Any]):
    since = serializers.IntegerField(
        default=0, min_value=0, max_value=2**63 - 1, help_text="next of the answer before."
    )
    limit = serializers.IntegerField(default=feed.MOST, min_value=1, max_value=feed.MOST)


class RegisterChangesView(APIView):
    @extend_schema(parameters=[ChangesQuery], responses=ChangesShape)
    def get(self, request: Request) -> Response:
        """Follow the register: each change once, in order, none skipped.

        A change is told some seconds after it is made. Of one's own sites; the network operator,
        of all.
        """
        asked = ChangesQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        since, limit = asked.validated_data["since"], asked.validated_data["limit"]
        organisation = caller(request).organisation
        own = None if organisation.kind == OrganisationKind.DSO else organisation
        found = list(feed.changes_after(since, organisation=own)[: limit + 1])
        shown = found[:limit]
        return Response(
            {
                "changes": [answers.change_as_json(each) for each in shown],
                "next": shown[-1].number if shown else since,
                "more": len(found) > limit,
            }
        )


class DailyQuery(serializers.Serializer[Any]):
    month = serializers.RegexField(
        MONTH,
        default=None,
        help_text="Such as 2026-06; without one, this month.",
    )
    as_of = serializers.DateTimeField(
        default=None, help_text="As the register said at this past moment."
    )

    def validate_as_of(self, moment: datetime | None) -> datetime | None:
        return past(moment)

    def validate_month(self, text: str | None) -> date | None:
        return None if text is None else date.fromisoformat(f"{text}-01")


class RegisterDailyView(APIView):
    renderer_classes = (JSONRenderer, CsvRenderer)

    @extend_schema(parameters=[DailyQuery], responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Read the MIC or MEC of each day and MPAN of a month, as agreed and as permitted (CSV).

        Of one's own sites; the network operator, of all.
        """
        asked = DailyQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        month, as_of = asked.validated_data["month"], asked.validated_data["as_of"]
        month = month or clock.now().astimezone(LONDON).date().replace(day=1)
        organisation = caller(request).organisation
        period = (local_midnight(month), local_midnight(answers.next_month(month)))
        parts = parts_of(queries.sites_with_past(organisation), *period)
        if organisation.kind != OrganisationKind.DSO:
            parts = (each for each in parts if each.organisation == organisation)
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="register-{month:%Y-%m}.csv"'
        answers.write_csv(
            answer,
            answers.DAILY_HEADS,
            answers.daily_rows(parts, month, as_of=as_of),
        )
        return answer


class RegisterStatementView(APIView):
    renderer_classes = (JSONRenderer, CsvRenderer)

    @extend_schema(
        parameters=[OpenApiParameter("month", location=OpenApiParameter.PATH, pattern=MONTH)],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, month: str) -> HttpResponse:
        """Read the capacity statement of a month ("2026-06"), every site (CSV): the operator's.

        Its first columns are those of the public Embedded Capacity Register that are known here.
        """
        if caller(request).organisation.kind != OrganisationKind.DSO:
            raise Http404
        row = queries.statements_made(month).filter(site=None).order_by("-version").first()
        if row is None:
            raise Http404
        return statement_file(row)
