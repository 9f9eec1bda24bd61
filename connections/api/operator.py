"""How the network operator answers registrations and TCVNs in the API: steps 2 and 4 to 7."""

# ruff: noqa: ARG002  # DRF fixes these signatures

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connections import queries, services
from connections.api.assessments import (
    AssessmentShape,
    CheckShape,
    assessment_as_values,
    checklist,
)
from connections.api.operator_shapes import (
    AnswerReasonInput,
    ApprovalInput,
    ChecksInput,
    ConditionInput,
    CountersignInput,
    CutInput,
    IssueInput,
    QuestionInput,
    RefusalInput,
    ReissueInput,
    SettleInput,
    SupportInput,
)
from connections.api.registration_shapes import RegistrationShape
from connections.api.rows import OwnRows
from connections.api.serializers import NoteInput, NoteShape
from connections.api.tcvn_shapes import TcvnShape, VariationInput
from connections.services.tcvns.varying import takes_over_at
from core import clock
from core.api.idempotency import idempotent
from participants.api.authentication import caller
from participants.states import TokenScope

act = partial(action, detail=True, methods=["post"], scope=TokenScope.MANAGE)


class OperatorActs(OwnRows):
    """What both kinds of application share. A token needs the scope to manage for these."""

    scope = TokenScope.TRADE
    tells_what_is_in_the_way = False
    subject: str  # what the services call the row's id

    @extend_schema(responses=AssessmentShape(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def assessments(self, request: Request, pk: str) -> Response:
        """Read what the network study says, a direction each; none before a study is asked for."""
        to_operator = caller(request).is_dso_staff
        found = queries.assessments_of(self.get_object())
        values = [assessment_as_values(each, to_operator=to_operator) for each in found]
        return Response(AssessmentShape(values, many=True).data)

    @extend_schema(request=NoteInput, responses={200: NoteShape(many=True)})
    @act()
    @idempotent
    def notes(self, request: Request, pk: str) -> Response:
        """Note something for the operator's own people; get all notes (operator)."""
        row = self.get_object()
        values = self.read(NoteInput, request.data).validated_data
        self.act(services.add_note, **{self.subject: row.pk}, **values)
        rows = row.notes.select_related("written_by").order_by("pk")
        return Response(NoteShape(rows, many=True).data)

    def _answered(self, service: Any, shape: Any = None) -> Response:
        row = self.get_object()
        values = self.read(shape, self.request.data) if shape else None
        return self.shown(self.act(service, **{self.subject: row.pk}, **_details(values)))


class RegistrationAnswers(OperatorActs):
    subject = "registration_id"

    @extend_schema(responses=CheckShape(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def checklist(self, request: Request, pk: str) -> Response:
        """Read the checklist: what was found, and to the operator what the records say."""
        values = checklist(
            self.get_object(), to_operator=caller(request).is_dso_staff, at=clock.now()
        )
        return Response(CheckShape(values, many=True).data)

    @extend_schema(request=SettleInput, responses=RegistrationShape)
    @act(url_path="settle-site")
    @idempotent
    def settle_site(self, request: Request, pk: str) -> Response:
        """Link a site that was typed in to one on record, or make it (operator)."""
        return self._answered(services.settle_site, SettleInput)

    @extend_schema(request=ChecksInput, responses=RegistrationShape)
    @act()
    @idempotent
    def checks(self, request: Request, pk: str) -> Response:
        """Record what was found of the checklist (operator)."""
        return self._answered(services.record_checks, ChecksInput)

    @extend_schema(request=ApprovalInput, responses=RegistrationShape)
    @act()
    @idempotent
    def approve(self, request: Request, pk: str) -> Response:
        """Give outline approval (operator)."""
        return self._answered(services.approve_registration, ApprovalInput)

    @extend_schema(request=QuestionInput, responses=RegistrationShape)
    @act(url_path="return")
    @idempotent
    def send_back(self, request: Request, pk: str) -> Response:
        """Return it with a question (operator)."""
        return self._answered(services.return_registration, QuestionInput)

    @extend_schema(request=AnswerReasonInput, responses=RegistrationShape)
    @act()
    @idempotent
    def refuse(self, request: Request, pk: str) -> Response:
        """Refuse it (operator)."""
        return self._answered(services.refuse_registration, AnswerReasonInput)


class TcvnAnswers(OperatorActs):
    subject = "tcvn_id"

    @extend_schema(request=None, responses=TcvnShape)
    @act(url_path="start-assessment")
    @idempotent
    def start_assessment(self, request: Request, pk: str) -> Response:
        """Begin the technical assessment (operator): a study at the full capacity follows."""
        return self._answered(services.start_assessment)

    @extend_schema(request=SupportInput, responses=TcvnShape)
    @act()
    @idempotent
    def support(self, request: Request, pk: str) -> Response:
        """Support the capacity without other action (operator)."""
        return self._answered(services.record_support, SupportInput)

    @extend_schema(request=None, responses=TcvnShape)
    @act(url_path="support-and-issue")
    @idempotent
    def support_and_issue(self, request: Request, pk: str) -> Response:
        """Support it and issue its notice at once, where the study leaves the margin (operator)."""
        return self._answered(services.support_and_issue)

    @extend_schema(request=ConditionInput, responses=TcvnShape)
    @act(url_path="support-conditionally")
    @idempotent
    def support_conditionally(self, request: Request, pk: str) -> Response:
        """Support it if named seller sites lower theirs (operator)."""
        return self._answered(services.record_conditional, ConditionInput)

    @extend_schema(request=RefusalInput, responses=TcvnShape)
    @act()
    @idempotent
    def refuse(self, request: Request, pk: str) -> Response:
        """Refuse it, with what binds (operator)."""
        return self._answered(services.record_refusal, RefusalInput)

    @extend_schema(request=AnswerReasonInput, responses=TcvnShape)
    @act()
    @idempotent
    def reassess(self, request: Request, pk: str) -> Response:
        """Take the answer back: it is assessed again (operator)."""
        return self._answered(services.reassess_tcvn, AnswerReasonInput)

    @extend_schema(request=IssueInput, responses=TcvnShape)
    @act()
    @idempotent
    def issue(self, request: Request, pk: str) -> Response:
        """Issue the notice (operator)."""
        return self._answered(services.issue_tcvn, IssueInput)

    @extend_schema(request=ReissueInput, responses=TcvnShape)
    @act()
    @idempotent
    def reissue(self, request: Request, pk: str) -> Response:
        """Withdraw the notice and issue it anew (operator)."""
        return self._answered(services.reissue_tcvn, ReissueInput)

    @extend_schema(request=CountersignInput, responses=TcvnShape)
    @act(tells_what_is_in_the_way=True)
    @idempotent
    def countersign(self, request: Request, pk: str) -> Response:
        """Countersign what its signatory has signed: it is in force (operator).

        One that varies another is refused while contracts stand above it, as ending one is.
        """
        row = self.get_object()
        values = self.read(CountersignInput, self.request.data).validated_data
        service = partial(services.countersign_tcvn, tcvn_id=row.pk)
        from_at = takes_over_at(row, at=clock.now())
        return self.shown(
            self.act_with(service, values["cancel"], from_at=from_at, reason=values["reason"])
        )

    @extend_schema(request=VariationInput, responses={201: TcvnShape})
    @act(url_path="start-variation")
    @idempotent
    def start_variation(self, request: Request, pk: str) -> Response:
        """Begin the notice that is to take the place of one in force: it is studied (operator)."""
        row = self.get_object()
        given = self.read(VariationInput, self.request.data)
        values = given.validated_data
        made = self.act(
            services.start_variation,
            tcvn_id=row.pk,
            capacity_kw=values["capacity_kw"],
            window=given.window(),
            reason=values["reason"],
        )
        return self.shown(made, 201)

    @extend_schema(request=CutInput, responses=TcvnShape)
    @act(tells_what_is_in_the_way=True)
    @idempotent
    def suspend(self, request: Request, pk: str) -> Response:
        """Suspend a notice in force in an emergency (operator)."""
        return self._cut(services.suspend_tcvn)

    @extend_schema(request=AnswerReasonInput, responses=TcvnShape)
    @act()
    @idempotent
    def resume(self, request: Request, pk: str) -> Response:
        """Let a suspended notice count again (operator)."""
        return self._answered(services.resume_tcvn, AnswerReasonInput)

    @extend_schema(request=CutInput, responses=TcvnShape)
    @act(tells_what_is_in_the_way=True)
    @idempotent
    def end(self, request: Request, pk: str) -> Response:
        """End a notice in force (operator).

        While contracts stand on its capacity it is refused, and the answer's ``in_the_way`` names
        them, each with its half-hours and kW. Those named in ``cancel`` are cancelled with it.
        """
        return self._cut(services.end_tcvn)

    def _cut(self, service: Any) -> Response:
        row = self.get_object()
        values = dict(self.read(CutInput, self.request.data).validated_data)
        cancelled, about = values.pop("cancel"), values
        change = partial(service, tcvn_id=row.pk, **about)
        return self.shown(self.act_with(change, cancelled, **about))


def _details(shape: Any) -> dict[str, Any]:
    if shape is None:
        return {}
    return dict(shape.details() if hasattr(shape, "details") else shape.validated_data)
