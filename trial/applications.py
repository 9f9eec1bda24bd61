"""One application at each of the seven steps, laid as its people would take it there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connections import services
from connections.models import Registration, Site, Tcvn
from connections.queries import approved_registration, assessments_of
from connections.states import CheckItem, Direction
from core import clock
from core.relay import drain
from core.windows import ServiceWindow
from trial import people
from trial.replay import request_tcvn

WHY = "More capacity in the coming weeks"
BATTERY_PARK = "Battery park"


def lay(today: date) -> None:
    """Lay the registrations of steps 1 and 2, and the TCVNs of steps 3 to 7."""
    Registrations().lay()
    Tcvns(today).lay()


class Registrations:
    """A draft, one under review, one returned with a question, one approved, one refused."""

    def __init__(self) -> None:
        self.engineer = people.actor_of(people.ENGINEER)

    def lay(self) -> None:
        winter = [1, 2, 3, 11, 12]
        self._start("Heat pump scheme", buy_import_kw=Decimal(40), months=winter)
        self._submit("Leisure centre", buy_import_kw=Decimal(40), months=winter)
        self._returned()
        self._approved()
        self._refused()

    def _start(self, site_name: str, **answers: Any) -> Registration:
        site = site_of(site_name)
        return services.start_registration(
            site_id=site.pk,
            actor=people.trader_of(site.organisation),
            at=clock.now(),
            **{"months": list(range(1, 13)), "weekdays": [1, 2, 3, 4, 5], **answers},
        )

    def _submit(self, site_name: str, **answers: Any) -> Registration:
        begun = self._start(site_name, **answers)
        return services.submit_registration(
            registration_id=begun.pk,
            actor=people.trader_of(begun.organisation),
            at=clock.now(),
        )

    def _returned(self) -> None:
        asked = self._submit("Small wind turbine", buy_export_kw=Decimal(50))
        services.return_registration(
            registration_id=asked.pk,
            question="Which setting does the turbine's limitation scheme (EREC G100) have today? "
            "Please attach the installer's test sheet.",
            actor=self.engineer,
            at=clock.now(),
        )

    def _approved(self) -> None:
        asked = self._submit("Dairy farm", buy_import_kw=Decimal(45), buy_export_kw=Decimal(40))
        services.record_checks(
            registration_id=asked.pk,
            found=dict.fromkeys(CheckItem, (True, "")),
            actor=self.engineer,
            at=clock.now(),
        )
        services.approve_registration(
            registration_id=asked.pk,
            maxima={"max_buy_export_kw": Decimal(30)},
            conditions="Up to 30 kW of export: above that the transformer at Lower Farm would be "
            "close to its rating at noon in summer.",
            actor=self.engineer,
            at=clock.now(),
        )

    def _refused(self) -> None:
        asked = self._submit("Sewage works CHP", buy_export_kw=Decimal(120))
        services.refuse_registration(
            registration_id=asked.pk,
            reason="The voltage at the works is close to its upper limit already, in every season: "
            "no more export can be approved before the cable from the pumps is reinforced.",
            actor=self.engineer,
            at=clock.now(),
        )


class Tcvns:
    """A draft by a preparer, then one for each state up to the DSO's countersignature."""

    def __init__(self, today: date) -> None:
        self.window = ServiceWindow(
            first_date=today + timedelta(days=21), last_date=today + timedelta(days=48)
        )
        self.engineer = people.actor_of(people.ENGINEER)

    def lay(self) -> None:
        self._prepared_by_a_third_party()
        self._submitted("Dairy farm", Direction.EXPORT, "70")
        assessing = self._submitted(BATTERY_PARK, Direction.IMPORT, "1200")
        self._step(services.start_assessment, assessing)
        self._supported("Small wind turbine", Direction.IMPORT, "40")
        self._refused()
        self._conditional()
        self._issued("Site 3", Direction.EXPORT, "90")
        self._executed("Cold store", Direction.EXPORT, "200")

    def _prepared_by_a_third_party(self) -> None:
        """Invite a consultant, who takes it up and prepares; the signatory has yet to submit."""
        site = site_of(BATTERY_PARK)
        registration = approved_registration(site.pk)
        if registration is None:
            raise LookupError(f"{site} is not registered")
        consultant, at = people.ensure_consultant(at=clock.now()), clock.now()
        invited = services.invite_preparer(
            registration_id=registration.pk,
            email=consultant.email,
            actor=people.trader_of(site.organisation),
            at=at,
        )
        actor = people.actor_of(consultant.email)
        services.accept_preparing(preparer_id=invited.pk, actor=actor, at=at)
        services.request_tcvn(
            site_id=site.pk,
            direction=Direction.EXPORT,
            capacity_kw=Decimal(1100),
            window=self.window,
            reason="Discharge at full power in the evening peak",
            actor=actor,
            at=at,
        )

    def _submitted(self, site_name: str, direction: str, kw: str, reason: str = WHY) -> Tcvn:
        return request_tcvn(
            site=site_of(site_name),
            direction=direction,
            capacity_kw=Decimal(kw),
            window=self.window,
            reason=reason,
            at=clock.now(),
        )

    def _studied(self, site_name: str, direction: str, kw: str, reason: str = WHY) -> Tcvn:
        tcvn = self._submitted(site_name, direction, kw, reason)
        self._step(services.start_assessment, tcvn)
        drain()  # a worker studies it
        return tcvn

    def _supported(self, site_name: str, direction: str, kw: str) -> Tcvn:
        tcvn = self._studied(site_name, direction, kw)
        [study] = assessments_of(tcvn)
        self._step(services.record_support, tcvn, answer=study.words)
        return tcvn

    def _refused(self) -> None:
        """Refuse as the study does: which element binds, and how much would pass."""
        tcvn = self._studied("Site 2", Direction.EXPORT, "50", "Export of new solar panels")
        [study] = assessments_of(tcvn)
        self._step(services.record_refusal, tcvn, reason=study.words, largest_kw=study.largest_kw)

    def _conditional(self) -> None:
        """Ask a neighbour at the same substation to lower its import, as the study proposes."""
        tcvn = self._studied("Leisure centre", Direction.IMPORT, "470", "A second ice rink")
        self.on_condition(tcvn)

    def on_condition(self, tcvn: Tcvn) -> Tcvn:
        """Answer a request on the condition that its study proposes.

        :raises LookupError: if it proposes none
        """
        [study] = assessments_of(tcvn)
        if not study.sellers:
            raise LookupError(f"No seller is proposed for {tcvn}: {study.detail}")
        return self._step(
            services.record_conditional, tcvn, sellers=study.sellers, answer=study.words
        )

    def _issued(self, site_name: str, direction: str, kw: str) -> Tcvn:
        tcvn = self._supported(site_name, direction, kw)
        return self._step(services.issue_tcvn, tcvn)

    def _executed(self, site_name: str, direction: str, kw: str) -> None:
        tcvn = self._issued(site_name, direction, kw)
        services.execute_tcvn(
            tcvn_id=tcvn.pk,
            typed_name="The signatory",
            document_hash=tcvn.document_hash,
            actor=people.administrator_of(site_of(site_name).organisation),
            at=clock.now(),
        )

    def _step(self, service: Callable[..., Tcvn], tcvn: Tcvn, **about: Any) -> Tcvn:
        return service(tcvn_id=tcvn.pk, actor=self.engineer, at=clock.now(), **about)


def site_of(name: str) -> Site:
    return Site.objects.select_related("organisation").get(name=name)
