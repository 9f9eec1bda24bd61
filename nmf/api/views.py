"""The market in the API: what a form can do, this can."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request as ApiRequest
from rest_framework.response import Response as Answer
from rest_framework.viewsets import GenericViewSet

from connections import queries as connections
from connections.filters import SiteFilter
from connections.models import Site
from core.api.idempotency import idempotent
from core.errors import Refusal
from core.retry import retried
from nmf import queries, services
from nmf.api.serializers import (
    AcceptInput,
    AskToAcceptInput,
    AskToRespondInput,
    CancellationInput,
    ConfirmationShape,
    ContractShape,
    MarketParametersShape,
    PeerSiteShape,
    PreviewShape,
    ReasonInput,
    RequestInput,
    RequestShape,
    ResponseInput,
    ResponseShape,
)
from nmf.filters import ContractFilter, RequestApiFilter, ResponseListFilter
from nmf.models import Contract, MarketParameters, Request, Response
from nmf.views.acting import Me
from participants.api.authentication import caller


class MarketViews(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Rows that the calling organisation may see; what it may not see is a 404."""

    def me(self) -> Me:
        if not hasattr(self, "_me"):
            self._me = Me.of(caller(self.request))
        return self._me

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context["me"] = self.me()
            context["organisation"] = self.me().organisation
        return context

    def read(self, shape: type[Any], request: ApiRequest) -> Any:
        found = shape(data=request.data, context=self.get_serializer_context())
        found.is_valid(raise_exception=True)
        return found

    def shown(self, shape: type[Any], row: Any, status: int = 200) -> Answer:
        return Answer(shape(row, context=self.get_serializer_context()).data, status=status)

    def dry(self, refusals: list[Refusal], **more: Any) -> Answer:
        reasons = [
            {
                "code": each.code,
                "message": each.message,
                "field": each.field,
                "periods": [{"starts_at": a, "ends_at": b} for a, b in each.periods],
                "by_kw": each.by_kw,
            }
            for each in refusals
        ]
        return Answer(PreviewShape({**more, "refusals": reasons}).data)


class RequestViews(MarketViews):
    queryset = Request.objects.none()
    serializer_class = RequestShape
    filterset_class = RequestApiFilter

    def get_queryset(self) -> QuerySet[Request]:
        if getattr(self, "swagger_fake_view", False):
            return Request.objects.none()
        rows = queries.visible_requests(self.me().organisation)
        rows = rows.prefetch_related(
            "site__tenancies__organisation", "counterparty_site__tenancies__organisation"
        )
        return rows.order_by("-created_at", "-pk")

    @extend_schema(
        request=RequestInput,
        responses={201: RequestShape, 200: PreviewShape},
    )
    @idempotent
    def create(self, request: ApiRequest) -> Answer:
        """Publish a request, or with ``dry_run`` tell what it comes to."""
        me, given = self.me(), self.read(RequestInput, request)
        wish = given.wish()
        if given.validated_data["dry_run"]:
            preview = services.preview_request(wish=wish, at=me.at)
            more: dict[str, Any] = {}
            if half_hours := preview.half_hours:
                more = {
                    "first_half_hour": half_hours[0],
                    "last_half_hour": half_hours[-1],
                    "clock_changes": wish.window.clock_changes(),
                    "gates": preview.gates,
                }
            return self.dry(
                preview.refusals,
                half_hours=len(half_hours),
                hours=preview.hours,
                value_gbp=preview.value_gbp,
                **more,
            )
        made = retried(services.create_request, wish=wish, actor=me.actor, at=me.at)
        return self.shown(RequestShape, self.get_queryset().get(pk=made.pk), 201)

    @extend_schema(
        request=ResponseInput,
        responses={201: ResponseShape, 200: PreviewShape},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def respond(self, request: ApiRequest, pk: str) -> Answer:
        """Answer a request as asked, or with a counter-offer."""
        row, me = self.get_object(), self.me()
        values = dict(self.read(ResponseInput, request).validated_data)
        site, dry_run = values.pop("site"), values.pop("dry_run")
        if dry_run:
            del values["message"]
            return self.dry(
                services.refusals_to_respond(request=row, site=site, at=me.at, **values)
            )
        made = retried(
            services.respond, request_id=row.pk, site_id=site.pk, actor=me.actor, at=me.at, **values
        )
        return self.shown(ResponseShape, made, 201)

    @extend_schema(request=AskToRespondInput, responses={201: ConfirmationShape})
    @action(detail=True, methods=["post"], url_path="ask-to-respond")
    @idempotent
    def ask_to_respond(self, request: ApiRequest, pk: str) -> Answer:
        """Ask a second member to answer so, above the value that takes two."""
        row, me = self.get_object(), self.me()
        values = dict(self.read(AskToRespondInput, request).validated_data)
        made = retried(
            services.ask_to_respond,
            request_id=row.pk,
            site_id=values.pop("site").pk,
            actor=me.actor,
            at=me.at,
            **values,
        )
        return self.shown(ConfirmationShape, made, 201)

    @extend_schema(responses=ConfirmationShape(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def confirmations(self, request: ApiRequest, pk: str) -> Answer:
        """Tell what members of the calling organisation ask each other to confirm."""
        rows = queries.open_confirmations(self.get_object(), self.me().organisation)
        return Answer(ConfirmationShape(rows, many=True).data)

    @extend_schema(request=None, responses=RequestShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: ApiRequest, pk: str) -> Answer:
        """Take one's own request off the market."""
        row, me = self.get_object(), self.me()
        retried(services.cancel_request, request_id=row.pk, actor=me.actor, at=me.at)
        row.refresh_from_db()
        return self.shown(RequestShape, row)

    @extend_schema(request=ReasonInput, responses=RequestShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def reject(self, request: ApiRequest, pk: str) -> Answer:
        """Say no to a direct request, as the named peer."""
        row, me = self.get_object(), self.me()
        reason = self.read(ReasonInput, request).validated_data["reason"]
        retried(services.reject_request, request_id=row.pk, reason=reason, actor=me.actor, at=me.at)
        row.refresh_from_db()
        return self.shown(RequestShape, row)


class ResponseViews(MarketViews):
    queryset = Response.objects.none()
    serializer_class = ResponseShape
    filterset_class = ResponseListFilter

    def get_queryset(self) -> QuerySet[Response]:
        if getattr(self, "swagger_fake_view", False):
            return Response.objects.none()
        rows = queries.visible_responses(self.me().organisation)
        rows = rows.prefetch_related("site__tenancies__organisation")
        return rows.order_by("-created_at", "-pk")

    @extend_schema(
        request=AcceptInput,
        responses={201: ContractShape, 200: PreviewShape},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def accept(self, request: ApiRequest, pk: str) -> Answer:
        """Accept a response, whole or in part: the contract waits for the DSO's approval."""
        row, me = self.get_object(), self.me()
        values = self.read(AcceptInput, request).validated_data
        if values["dry_run"]:
            asked = queries.visible_requests(me.organisation).get(pk=row.request_id)
            kw = row.kw if values["kw"] is None else values["kw"]
            return self.dry(
                services.refusals_to_accept(request=asked, response=row, kw=kw, at=me.at)
            )
        made = retried(
            services.accept_response,
            response_id=row.pk,
            kw=values["kw"],
            actor=me.actor,
            at=me.at,
        )
        return self.shown(ContractShape, made, 201)

    @extend_schema(request=AskToAcceptInput, responses={201: ConfirmationShape})
    @action(detail=True, methods=["post"], url_path="ask-to-accept")
    @idempotent
    def ask_to_accept(self, request: ApiRequest, pk: str) -> Answer:
        """Ask a second member to accept a response, above the value that takes two."""
        row, me = self.get_object(), self.me()
        values = self.read(AskToAcceptInput, request).validated_data
        made = retried(
            services.ask_to_accept, response_id=row.pk, actor=me.actor, at=me.at, **values
        )
        return self.shown(ConfirmationShape, made, 201)

    @extend_schema(request=ReasonInput, responses=ResponseShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def reject(self, request: ApiRequest, pk: str) -> Answer:
        """Turn a response down, as the requester."""
        row, me = self.get_object(), self.me()
        reason = self.read(ReasonInput, request).validated_data["reason"]
        retried(
            services.reject_response, response_id=row.pk, reason=reason, actor=me.actor, at=me.at
        )
        row.refresh_from_db()
        return self.shown(ResponseShape, row)

    @extend_schema(request=None, responses=ResponseShape)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: ApiRequest, pk: str) -> Answer:
        """Take one's own response back."""
        row, me = self.get_object(), self.me()
        retried(services.cancel_response, response_id=row.pk, actor=me.actor, at=me.at)
        row.refresh_from_db()
        return self.shown(ResponseShape, row)


class PeerSiteViews(MarketViews):
    """The sites of the other opted-in peers with which one may trade, for opted-in peers."""

    queryset = Site.objects.none()
    serializer_class = PeerSiteShape
    filterset_class = SiteFilter

    def get_queryset(self) -> QuerySet[Site]:
        if getattr(self, "swagger_fake_view", False):
            return Site.objects.none()
        return connections.with_outlines(queries.peer_sites(self.me().organisation))


class ContractViews(MarketViews):
    queryset = Contract.objects.none()
    serializer_class = ContractShape
    filterset_class = ContractFilter

    def get_queryset(self) -> QuerySet[Contract]:
        if getattr(self, "swagger_fake_view", False):
            return Contract.objects.none()
        rows = queries.visible_contracts(self.me().organisation)
        rows = rows.prefetch_related(
            "buyer_site__tenancies__organisation", "seller_site__tenancies__organisation"
        )
        return rows.order_by("-agreed_at", "-pk")

    @extend_schema(request=CancellationInput, responses=ContractShape)
    @action(detail=True, methods=["post"], url_path="propose-cancellation")
    @idempotent
    def propose_cancellation(self, request: ApiRequest, pk: str) -> Answer:
        """Propose to the other peer to end the contract from a half-hour on."""
        row, me = self.get_object(), self.me()
        values = self.read(CancellationInput, request).validated_data
        made = retried(
            services.propose_cancellation,
            contract_id=row.pk,
            actor=me.actor,
            at=me.at,
            **values,
        )
        return self.shown(ContractShape, made)

    @extend_schema(request=None, responses=ContractShape)
    @action(detail=True, methods=["post"], url_path="confirm-cancellation")
    @idempotent
    def confirm_cancellation(self, request: ApiRequest, pk: str) -> Answer:
        """Agree to the other peer's proposal."""
        row, me = self.get_object(), self.me()
        made = retried(services.confirm_cancellation, contract_id=row.pk, actor=me.actor, at=me.at)
        return self.shown(ContractShape, made)

    @extend_schema(request=None, responses=ContractShape)
    @action(detail=True, methods=["post"], url_path="withdraw-cancellation")
    @idempotent
    def withdraw_cancellation(self, request: ApiRequest, pk: str) -> Answer:
        """Drop a proposed cancellation."""
        row, me = self.get_object(), self.me()
        made = retried(services.withdraw_cancellation, contract_id=row.pk, actor=me.actor, at=me.at)
        return self.shown(ContractShape, made)


class MarketParametersViews(MarketViews):
    """Every version of the market's parameters: all members may read them."""

    queryset = MarketParameters.objects.order_by("-version")
    serializer_class = MarketParametersShape
