"""What every rule of the machine uses: a try at a move, and what must hold after each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine, invariant

from connections import queries as connections
from connections.models import Area, Tcvn
from core import clock
from core.errors import DomainError, NotPermittedError, RefusedError, WrongStateError
from nmf import queries
from nmf.models import Contract, Request, Response
from psa.inputs import Inputs
from psa.solving import Solved
from tests.machine import observed
from tests.machine.model import HALF_HOUR, RULES, STATE, WHO, Person, Reasons
from tests.machine.notices import Trial
from tests.machine.world import AT, PEERS, RIGHTS, World, answer
from wsc.register_check import differences

KINDS: dict[str, type[DomainError]] = {
    WHO: NotPermittedError,
    STATE: WrongStateError,
    RULES: RefusedError,
}


Tally = Counter[tuple[str, str]]  # how often a service went through, or was refused and why


class Network:
    """Says of every study what it was last told to say."""

    verdict = "PASSED"

    def solve(self, inputs: Inputs) -> Solved:
        return answer(inputs, self.verdict)


def name_of(service: Callable[..., Any]) -> str:
    while isinstance(service, partial):
        service = service.func
    return service.__name__


def same(have: Iterable[object], want: Iterable[object]) -> None:
    have, want = sorted(have, key=str), sorted(want, key=str)
    assert have == want, f"\nrows:  {have}\nmodel: {want}"


class Bench(RuleBasedStateMachine):
    def __init__(self, world: World, network: Network, tally: Tally) -> None:
        super().__init__()
        self.world, self.network, self.tally = world, network, tally
        self.transaction = transaction.atomic()
        # As in Django's own test cases: a durable block may open in it.
        self.transaction._from_testcase = True  # type: ignore[attr-defined]
        self.transaction.__enter__()
        self.model = Trial(RIGHTS, AT)
        self.journal = observed.Journal()
        self.revision = self._revision_now()
        self.changed = True  # since the invariants were last looked at

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def attempt(self, reasons: Reasons, service: Callable[..., Any], **arguments: Any) -> Any:
        """Try a move: it goes through, or is refused for one of the reasons and changes nothing."""
        before = observed.fingerprint() if reasons else {}
        refused: DomainError | None = None
        try:
            with transaction.atomic(), clock.frozen(self.model.at):
                made = service(at=self.model.at, **arguments)
        except DomainError as error:
            refused, made = error, None
        name = name_of(service)
        self.tally[name, type(refused).__name__ if refused else "done"] += 1
        if refused is None:
            assert not reasons, f"{name} went through in spite of {reasons}"
            self.changed = True
        else:
            kinds = tuple(KINDS[reason] for reason in reasons)
            assert isinstance(refused, kinds), f"{refused!r} of {name}, expected {reasons}"
            assert observed.fingerprint() == before
        return made

    def person(self, peer: str, kind: str) -> Person:
        if kind == "rival":
            return (self.after(peer, 1), "trader")
        return ("dso", kind) if kind == "engineer" else (peer, kind)

    def after(self, peer: str, turns: int) -> str:
        return PEERS[(PEERS.index(peer) + turns) % len(PEERS)]

    def later(self, half_hours: int) -> datetime:
        """A moment so many half-hours from now, not always on one."""
        at = self.model.at.replace(second=0, microsecond=0)
        return at.replace(minute=at.minute // 30 * 30) + half_hours * HALF_HOUR

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        if not self.changed:
            return
        self.states_are_the_models()
        self.the_register_is_the_models_and_within_its_limits()
        self.events_are_the_changes_of_states()
        self.the_revision_rises_with_what_studies_read()
        for peer in PEERS:
            self.a_peer_sees_its_own(peer)
        self.changed = False

    def states_are_the_models(self) -> None:
        model = self.model
        same(
            Request.objects.values_list("pk", "state", "filled_kw"),
            [(each.pk, each.state, each.filled) for each in model.requests],
        )
        same(
            Response.objects.values_list("pk", "state"),
            [(each.pk, each.state) for each in model.responses],
        )
        same(
            Tcvn.objects.values_list("pk", "state"),
            [(each.pk, each.state) for each in model.notices],
        )
        same(
            Contract.objects.values_list(
                "pk", "state", "sold_kw", "bought_kw", "cancelled_from", "cancel_proposed_from"
            ),
            [
                (each.pk, each.state, each.kw, each.kw, each.cancelled_from, each.proposed_from)
                for each in model.contracts
            ],
        )
        same(
            Contract.objects.filter(at_risk_since__isnull=False).values_list("pk"),
            [(each.pk,) for each in model.contracts if each.at_risk],
        )

    def the_register_is_the_models_and_within_its_limits(self) -> None:
        for direction in ("EXPORT", "IMPORT"):
            hours = self._hours_to_look_at(direction)
            for (peer, at), line in observed.register(self.world, direction, hours).items():
                want = self.model.line(peer, direction, at)
                assert line == want, f"{peer} {direction} {at}\nrows:  {line}\nmodel: {want}"
                assert not self.model.breaches(peer, direction, at), (peer, direction, at)
        assert differences() == []

    def _hours_to_look_at(self, direction: str) -> set[datetime]:
        """All of the contracts', of the notices' the first and the last, and those beside them."""
        found: set[datetime] = set()
        for contract in self.model.contracts:
            if contract.direction == direction:
                found |= set(contract.hours)
        for notice in self.model.notices:
            if notice.direction == direction:
                ends = sorted({*notice.in_force, notice.hours[0]})
                found |= {notice.hours[0], notice.hours[-1], ends[0], ends[-1]}
        return found | {at - HALF_HOUR for at in found} | {at + HALF_HOUR for at in found}

    def events_are_the_changes_of_states(self) -> None:
        self.journal.check()
        decided, told = observed.decisions_and_their_events()
        assert decided == told
        assert observed.failed_messages() == []

    def the_revision_rises_with_what_studies_read(self) -> None:
        now = self._revision_now()
        assert (now > self.revision) == (self.model.revision > 0)
        self.revision, self.model.revision = now, 0

    def a_peer_sees_its_own(self, peer: str) -> None:
        """A peer sees its own trades, and nobody else's."""
        model = self.model
        organisation = self.world.sites[peer].organisation
        answered = {each.request for each in model.responses if each.owner == peer}
        assert set(queries.visible_requests(organisation).values_list("pk", flat=True)) == {
            each.pk
            for each in model.requests
            if peer in {each.owner, each.to}
            or each in answered
            or (each.to is None and each.state == "OPEN")
        }
        assert set(queries.visible_responses(organisation).values_list("pk", flat=True)) == {
            each.pk for each in model.responses if peer in {each.owner, each.request.owner}
        }
        assert set(queries.visible_contracts(organisation).values_list("pk", flat=True)) == {
            each.pk for each in model.contracts if peer in {each.buyer, each.seller}
        }
        assert set(connections.tcvns_seen_by(organisation).values_list("pk", flat=True)) == {
            each.pk for each in model.notices if each.owner == peer
        }

    def _revision_now(self) -> int:
        return Area.objects.values_list("revision", flat=True).get(pk=self.world.area.pk)
