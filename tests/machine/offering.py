"""What the API offers to do with a row is what its services then do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from connections import queries as connections
from connections import services
from connections.api.tcvn_shapes import TcvnShape
from connections.models import Tcvn
from core.errors import DomainError, RefusedError
from nmf import queries
from nmf import services as nmf
from nmf.api.serializers import ContractShape, RequestShape, ResponseShape
from nmf.models import Contract, Request, Response
from nmf.views.acting import Me
from participants.models import Membership
from participants.states import Role
from tests.connections.making import read
from tests.machine.bench import Bench
from tests.machine.model import next_half_hour
from tests.machine.trading import PRICE, move, peers

ABOUT_SO_MUCH = {  # what another number might have avoided
    "answered_already",
    "below_smallest_part",
    "buys_and_sells",
    "earmarked",
    "no_right",
    "no_tcvn",
    "not_named_seller",
    "over_agreed",
    "over_ceiling",
    "not_above_agreed",
    "over_outline_approval",
    "over_request",
    "other_document",
}
OFFERING = [
    move(
        "compare",
        peer=peers,
        role=st.sampled_from(["trader", "trader", "signatory"]),
        row=st.integers(0, 9),
    )
]
Tries = dict[str, Callable[[], object]]


class Offering(Bench):
    def compare(self, peer: str, role: str, row: int) -> None:
        """For a row of each kind that a member sees, compare what is offered with what is done."""
        user = self.world.people[peer, role]
        member = Membership.objects.select_related("organisation").get(user=user)
        organisation, at = member.organisation, self.model.at
        me = Me(user.pk, organisation, Role(member.role), at)
        by: dict[str, Any] = {"actor": self.world.actor((peer, role)), "at": at}
        site = self.world.sites[peer]
        notices = connections.with_signing(connections.tcvns_seen_by(organisation), user_id=user.pk)
        seen: list[tuple[Any, Any, Callable[[Any], Tries]]] = [
            (queries.visible_requests(organisation), RequestShape, self._of_request(site.pk, by)),
            (queries.visible_responses(organisation), ResponseShape, self._of_response(by)),
            (queries.visible_contracts(organisation), ContractShape, self._of_contract(by)),
            (notices, TcvnShape, self._of_notice(by)),
        ]
        context = {
            "me": me,
            "organisation": organisation,
            "may_trade": me.may_trade,
            "may": lambda _right: False,  # of the operator
            "at": at,
        }
        for rows, shape, tries in seen:
            found = list(rows.order_by("-pk"))
            if found:
                each = found[row % len(found)]
                offered = shape(context=context).get_allowed_actions(each)
                done = [name for name, service in tries(each).items() if self._is_done(service)]
                assert sorted(offered) == sorted(done), f"{each!r} {each.state} {peer} {role} {at}"

    def _is_done(self, service: Callable[[], object]) -> bool:
        try:
            with transaction.atomic():
                service()
                transaction.set_rollback(True)
        except RefusedError as error:
            return {each.code for each in error.refusals} <= ABOUT_SO_MUCH
        except DomainError:
            return False
        return True

    def _of_request(self, site_id: int, by: dict[str, Any]) -> Callable[[Request], Tries]:
        def tries(each: Request) -> Tries:
            kw = max(each.left_kw, each.parameters.smallest_kw)
            return {
                "cancel": lambda: nmf.cancel_request(request_id=each.pk, **by),
                "reject": lambda: nmf.reject_request(request_id=each.pk, reason="No.", **by),
                "respond": lambda: nmf.respond(
                    request_id=each.pk, site_id=site_id, kw=kw, price_gbp_per_kwh=PRICE, **by
                ),
            }

        return tries

    def _of_response(self, by: dict[str, Any]) -> Callable[[Response], Tries]:
        return lambda each: {
            "accept": lambda: nmf.accept_response(
                response_id=each.pk, kw=min(each.kw, each.request.left_kw), **by
            ),
            "cancel": lambda: nmf.cancel_response(response_id=each.pk, **by),
            "reject": lambda: nmf.reject_response(response_id=each.pk, **by),
        }

    def _of_contract(self, by: dict[str, Any]) -> Callable[[Contract], Tries]:
        from_at = next_half_hour(self.model.at)
        return lambda each: {
            "propose_cancellation": lambda: nmf.propose_cancellation(
                contract_id=each.pk, from_at=from_at, **by
            ),
            "confirm_cancellation": lambda: nmf.confirm_cancellation(contract_id=each.pk, **by),
            "withdraw_cancellation": lambda: nmf.withdraw_cancellation(contract_id=each.pk, **by),
        }

    def _of_notice(self, by: dict[str, Any]) -> Callable[[Tcvn], Tries]:
        return lambda each: {
            "submit": lambda: services.submit_tcvn(
                tcvn_id=each.pk, document_sha256=read(each, at=self.model.at), **by
            ),
            "execute": lambda: services.execute_tcvn(
                tcvn_id=each.pk, typed_name="A", document_hash=each.document_hash, **by
            ),
            "withdraw": lambda: services.withdraw_tcvn(tcvn_id=each.pk, **by),
            "vary": lambda: services.request_variation(
                tcvn_id=each.pk,
                capacity_kw=each.capacity_kw - 1,
                window=each.window,
                reason="Less.",
                **by,
            ),
            "decline": lambda: services.decline_tcvn(tcvn_id=each.pk, reason="No.", **by),
        }
