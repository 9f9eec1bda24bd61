"""Notices of the live market that have taken another turn than into force, laid some days back.

One lapsed, one that a seller declined to make room for, one suspended, one varied, one ended, one
withdrawn.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from connections import services
from connections.models import Tcvn
from connections.queries import assessments_of
from connections.states import Direction, TcvnRole
from core import clock
from core.periods import next_half_hour
from core.relay import drain
from core.windows import ServiceWindow
from trial import people
from trial.applications import Tcvns, site_of
from trial.replay import SUPPORTED, lay_tcvn_in_force, request_tcvn, sign_and_countersign

CENTRE = "Leisure centre"


class Endings:
    """The steps of each, to be taken in the order of the methods, a day or more apart."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.engineer = people.actor_of(people.ENGINEER)

    def begin(self) -> None:
        """Bring three notices into force, let one wait for its signature, ask a seller for one."""
        window = self._days(-7, 27)
        self.suspended = _in_force(
            "Dairy farm", Direction.IMPORT, "120", window, "Milk cooling in the warm months"
        )
        self.varied = _in_force(CENTRE, Direction.EXPORT, "80", window, "New panels on the roof")
        self.ended = _in_force(
            "Battery park", Direction.IMPORT, "1100", window, "Charging at full power"
        )
        self._issued_to_lapse(window)
        self._withdrawn(window)
        self.declined = self._conditional(self._days(8, 14))

    def decline(self) -> None:
        """Let the seller decline: the request goes back to assessment. Ask to vary a notice."""
        seller = self._seller_of(self.declined)
        services.decline_tcvn(
            tcvn_id=seller.pk,
            reason="We need all of it ourselves in that week: the arcade has its late openings.",
            actor=people.trader_of(seller.site.organisation),
            at=clock.now(),
        )
        drain()  # a worker studies it again
        self._vary()

    def end(self) -> None:
        """Answer the declined request, suspend one notice, end another, let time pass for two."""
        at = clock.now()
        [study] = assessments_of(self.declined)
        services.record_refusal(
            tcvn_id=self.declined.pk,
            reason="The shopping arcade does not lower its import, and no other site at the Church "
            "Street substation can make room.",
            largest_kw=study.largest_kw,
            actor=self.engineer,
            at=at,
        )
        services.lapse_notices(at=at)
        services.follow_all_on(at=at)
        for service, tcvn, reason in (
            (
                services.suspend_tcvn,
                self.suspended,
                "The line to Lower Farm is damaged and fed from its far end until it is mended.",
            ),
            (services.end_tcvn, self.ended, "As agreed by telephone: the battery is being tested."),
        ):
            service(
                tcvn_id=tcvn.pk,
                from_at=next_half_hour(at),
                reason=reason,
                actor=self.engineer,
                at=at,
            )

    def _days(self, first: int, last: int) -> ServiceWindow:
        return ServiceWindow(
            first_date=self.today + timedelta(days=first),
            last_date=self.today + timedelta(days=last),
        )

    def _issued_to_lapse(self, window: ServiceWindow) -> None:
        at, site = clock.now(), site_of("Cold store")
        tcvn = request_tcvn(
            site=site,
            direction=Direction.EXPORT,
            capacity_kw=Decimal(180),
            window=window,
            reason="Less cooling in the cold weeks",
            at=at,
        )
        services.start_assessment(tcvn_id=tcvn.pk, actor=self.engineer, at=at)
        services.record_support(tcvn_id=tcvn.pk, answer=SUPPORTED, actor=self.engineer, at=at)
        services.issue_tcvn(
            tcvn_id=tcvn.pk,
            execute_by=self.today - timedelta(days=7),
            actor=self.engineer,
            at=at,
        )

    def _withdrawn(self, window: ServiceWindow) -> None:
        site = site_of("Battery park")
        tcvn = request_tcvn(
            site=site,
            direction=Direction.EXPORT,
            capacity_kw=Decimal(1200),
            window=window,
            reason="Asked for in the wrong weeks",
            at=clock.now(),
        )
        services.withdraw_tcvn(
            tcvn_id=tcvn.pk, actor=people.trader_of(site.organisation), at=clock.now()
        )

    def _conditional(self, window: ServiceWindow) -> Tcvn:
        """Ask for what the study supports if a neighbour lowers its import."""
        tcvn = request_tcvn(
            site=site_of(CENTRE),
            direction=Direction.IMPORT,
            capacity_kw=Decimal(455),
            window=window,
            reason="An indoor championship",
            at=clock.now(),
        )
        services.start_assessment(tcvn_id=tcvn.pk, actor=self.engineer, at=clock.now())
        drain()  # a worker studies it
        return Tcvns(self.today).on_condition(tcvn)

    def _seller_of(self, tcvn: Tcvn) -> Tcvn:
        return Tcvn.objects.select_related("site__organisation").get(
            earmark_of__tcvn=tcvn, role=TcvnRole.SELLER
        )

    def _vary(self) -> None:
        at = clock.now()
        made = services.start_variation(
            tcvn_id=self.varied.pk,
            capacity_kw=Decimal(100),
            window=self.varied.window,
            reason="The second half of the panels is connected",
            actor=self.engineer,
            at=at,
        )
        services.record_support(
            tcvn_id=made.pk,
            answer=SUPPORTED,
            actor=self.engineer,
            at=at,
        )
        sign_and_countersign(made.pk, at=at)


def _in_force(site_name: str, direction: str, kw: str, window: ServiceWindow, reason: str) -> Tcvn:
    return lay_tcvn_in_force(
        site=site_of(site_name),
        direction=direction,
        capacity_kw=Decimal(kw),
        window=window,
        reason=reason,
        at=clock.now(),
    )
