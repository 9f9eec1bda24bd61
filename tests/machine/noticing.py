"""TCVNs, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from hypothesis import strategies as st

from connections import services
from connections.models import Tcvn
from core.windows import ServiceWindow
from tests.connections.making import read
from tests.machine.bench import Bench
from tests.machine.model import LONDON, Notice, Person, half_hours
from tests.machine.notices import COUNTERSIGNED, STEPS
from tests.machine.trading import directions, engineers, kinds, move, peers, pick, rows
from tests.machine.world import PEERS

D = Decimal
MOST_NOTICES = 4
PEER_STEPS = ("submit", "sign", "withdraw")
engineer = ("dso", "engineer")
spells = st.sampled_from([(time(), time())] * 3 + [(time(10, 30), time(12))])
raised = st.sampled_from([D(60), D(80), D(90), D(100), D(100), D(120)])
named = st.lists(
    st.tuples(peers, st.sampled_from([D(10), D(20), D(40), D(70), D(0)])), min_size=0, max_size=2
)
BY_THE_DSO: dict[str, Callable[..., Any]] = {
    "start_assessment": services.start_assessment,
    "support": partial(services.record_support, answer="Yes."),
    "refuse": partial(services.record_refusal, reason="The transformer."),
    "issue": services.issue_tcvn,
    "reissue": partial(services.reissue_tcvn, reason="New wording."),
    "reassess": partial(services.reassess_tcvn, reason="New model."),
    "countersign": services.countersign_tcvn,
    "resume": partial(services.resume_tcvn, reason="Mended."),
}
UNTIL: dict[str, Callable[..., Any]] = {
    "end": partial(services.end_tcvn, reason="The line is out."),
    "suspend": partial(services.suspend_tcvn, reason="The line is out."),
}
LONG = 40  # days in which nothing lapses


@st.composite
def notices(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "peer": draw(st.sampled_from(["Mill", "Weir"])),
        "direction": draw(directions),
        "kw": draw(st.sampled_from([D(80), D(90)])),
        "start": draw(st.integers(1, 4)),
        "of": draw(spells),
        "seller": draw(st.sampled_from([None, None, *PEERS])),
        "seller_kw": draw(st.sampled_from([D(20), D(40)])),
        "steps": draw(st.sampled_from([6, 6, 6, 1, 2, 3, 4, 5])),
    }


NOTICING = [
    move("bring_forward", notice=notices()),
    move(
        "ask_for_notice",
        peer=peers,
        kind=kinds,
        direction=directions,
        kw=raised,
        start=st.integers(0, 5),
        of=spells,
    ),
    *(
        move("peer_steps", row=rows, kind=kinds, step=st.just(step), read=kinds)
        for step in PEER_STEPS
    ),
    move(
        "dso_steps",
        row=rows,
        kind=engineers,
        step=st.sampled_from([*BY_THE_DSO, "countersign", "issue"]),
        days=st.sampled_from([LONG, LONG, 1, 0, -1]),
    ),
    *(
        move(
            "vary",
            row=rows,
            kind=kinds,
            kw=raised,
            start=st.integers(-2, 5),
            of=spells,
            steps=st.sampled_from([6, 6, 6, 0, 3, 5]),
            seller=st.sampled_from([None, None, *PEERS]),
        )
        for _ in range(2)
    ),
    move("support_conditionally", row=rows, sellers=named),
    move(
        "end_a_notice",
        step=st.sampled_from(sorted(UNTIL)),
        row=rows,
        kind=engineers,
        half_hours=st.sampled_from([-3, 1, 1, 2, 48, 200]),
        off=st.booleans(),
    ),
]


class Noticing(Bench):
    def ask_for_notice(
        self, peer: str, kind: str, direction: str, kw: Decimal, start: int, of: tuple[time, time]
    ) -> None:
        self._ask(peer, self.person(peer, kind), direction, kw, start, of)

    def _ask(
        self,
        peer: str,
        person: Person,
        direction: str,
        kw: Decimal,
        start: int,
        of: tuple[time, time],
    ) -> Notice | None:
        first = self.model.at.astimezone(LONDON).date() + timedelta(days=start)
        notice = Notice(peer, direction, kw, half_hours(first, 7, *of))
        made = self.attempt(
            self.model.against_notice(notice, person),
            services.request_tcvn,
            site_id=self.world.sites[peer].pk,
            direction=direction,
            capacity_kw=kw,
            window=ServiceWindow(
                first_date=first,
                last_date=first + timedelta(days=6),
                start_time=of[0],
                end_time=of[1],
            ),
            reason="More wind.",
            actor=self.world.actor(person),
        )
        if made is None:
            return None
        notice.pk = made.pk
        self.model.notices.append(notice)
        return notice

    def peer_steps(self, row: int, kind: str, step: str, read: str) -> None:
        wanted = {"submit": "DRAFT", "sign": "ISSUED"}.get(step, "SUPPORTED")
        if not self.model.notices:
            return
        notice = pick(self.model.notices, row, lambda each: each.state == wanted)
        kind = {"trader": "signatory", "signatory": "trader"}.get(kind, kind)
        if step == "withdraw":
            kind = {"trader": "signatory", "signatory": "trader"}.get(kind, kind)
        self._peer_steps(notice, self.person(notice.owner, kind), step, as_read=read != "rival")

    def _peer_steps(
        self, notice: Notice, person: Person, step: str, *, as_read: bool = True
    ) -> bool:
        actor = self.world.actor(person)
        if step == "submit":
            against = self.model.against_submission(notice, person)
            row = Tcvn.objects.get(pk=notice.pk)
            made = self.attempt(
                against,
                services.submit_tcvn,
                tcvn_id=notice.pk,
                document_sha256=read(row, at=self.model.at),
                actor=actor,
            )
            notice.state = "REQUESTED" if made else notice.state
        elif step == "sign":
            shown = Tcvn.objects.values_list("document_hash", flat=True).get(pk=notice.pk)
            made = self.attempt(
                self.model.against_signature(notice, person, as_read=as_read),
                services.execute_tcvn,
                tcvn_id=notice.pk,
                typed_name="A. Signatory",
                document_hash=shown if as_read else "another",
                actor=actor,
            )
            notice.state = "EXECUTED" if made else notice.state
        else:
            against = self.model.against_withdrawal_of(notice, person)
            made = self.attempt(against, services.withdraw_tcvn, tcvn_id=notice.pk, actor=actor)
            if made:
                self.model.withdraw_notice(notice)
        return made is not None

    def dso_steps(self, row: int, kind: str, step: str, days: int) -> None:
        sources = STEPS[step][0]
        if not self.model.notices:
            return
        notice = pick(self.model.notices, row, lambda each: each.state in sources)
        self._dso_steps(notice, step, self.person(notice.owner, kind), days=days)

    def _dso_steps(
        self, notice: Notice, step: str, person: Person = engineer, days: int = LONG
    ) -> bool:
        more: dict[str, Any] = {}
        before = notice.sign_by
        if step in {"issue", "reissue"}:
            notice.sign_by = self.model.today + timedelta(days=days)
            more["execute_by"] = notice.sign_by
        against = self.model.against_step(notice, step, (), self.model.at)
        made = self.attempt(
            against | self.model._who(person == engineer),
            BY_THE_DSO[step],
            tcvn_id=notice.pk,
            actor=self.world.actor(person),
            **more,
        )
        if not made:
            notice.sign_by = before
        elif step == "countersign":
            self.model.bring_into_force(notice)
        elif step in {"issue", "reissue"}:
            self.model.issue(notice)
        elif step in {"resume", "reassess"}:
            getattr(self.model, step)(notice)
        else:
            notice.state = STEPS[step][1]
        return made is not None

    def vary(
        self,
        row: int,
        kind: str,
        kw: Decimal,
        start: int,
        of: tuple[time, time],
        steps: int,
        seller: str | None,
    ) -> None:
        """Ask for a variation, or begin it as the DSO, and take it some steps on."""
        if not self.model.notices or len(self.model.notices) > 3 * MOST_NOTICES:
            return
        old = pick(self.model.notices, row, lambda each: each.state in COUNTERSIGNED)
        person = self.person(old.owner, "engineer" if row % 3 == 0 else kind)
        first = self.model.today + timedelta(days=start)
        wish = Notice(old.owner, old.direction, kw, half_hours(first, 7, *of), varies=old)
        by_dso = person[0] == "dso"
        made = self.attempt(
            self.model.against_variation(old, wish, person),
            services.start_variation if by_dso else services.request_variation,
            tcvn_id=old.pk,
            capacity_kw=kw,
            window=ServiceWindow(
                first_date=first,
                last_date=first + timedelta(days=6),
                start_time=of[0],
                end_time=of[1],
            ),
            reason="Otherwise.",
            actor=self.world.actor(person),
        )
        if made is None:
            return
        wish.pk, wish.state = made.pk, "ASSESSING" if by_dso else "DRAFT"
        self.model.notices.append(wish)
        way = self._way(wish, seller, D(20))
        for step in way[2:steps] if by_dso else way[:steps]:
            step()

    def support_conditionally(self, row: int, sellers: list[tuple[str, Decimal]]) -> None:
        if not self.model.notices:
            return
        notice = pick(self.model.notices, row, lambda each: each.state == "ASSESSING")
        self._support_conditionally(notice, sellers)

    def _support_conditionally(
        self, notice: Notice, sellers: Sequence[tuple[str, Decimal]]
    ) -> bool:
        made = self.attempt(
            self.model.against_step(notice, "support_conditionally", sellers, self.model.at),
            services.record_conditional,
            tcvn_id=notice.pk,
            sellers=[(self.world.sites[peer].pk, kw) for peer, kw in sellers],
            answer="If they lower theirs.",
            actor=self.world.actor(engineer),
        )
        if not made:
            return False
        rows_made = Tcvn.objects.filter(
            earmark_of__tcvn=notice.pk, earmark_of__ended_at=None
        ).order_by("pk")
        for earmark, row in zip(
            self.model.make_conditional(notice, sellers), rows_made, strict=True
        ):
            earmark.pk = row.pk
        return True

    def end_a_notice(self, step: str, row: int, kind: str, half_hours: int, off: bool) -> None:
        if not self.model.notices:
            return
        notice = pick(self.model.notices, row, lambda each: bool(each.in_force))
        from_at: datetime = self.later(half_hours) + timedelta(minutes=7 * (off and row % 3 == 0))
        person = self.person(notice.owner, kind)
        against = self.model.against_step(notice, step, (), from_at)
        made = self.attempt(
            against | self.model._who(person == engineer),
            UNTIL[step],
            tcvn_id=notice.pk,
            from_at=from_at,
            actor=self.world.actor(person),
        )
        if made:
            self.model.end_notice(notice, step, from_at)

    def bring_forward(self, notice: dict[str, Any]) -> None:
        """Steps as they mostly come: in order, by the right people, into force or part of it."""
        if len(self.model.notices) < MOST_NOTICES:
            self._bring_forward(**notice)

    def _bring_forward(
        self, *, peer: str, seller: str | None, seller_kw: Decimal, steps: int, **wish: Any
    ) -> None:
        asked = self._ask(peer, (peer, "trader"), **wish)
        if asked is None:
            return
        for step in self._way(asked, seller, seller_kw)[:steps]:
            step()

    def _way(self, asked: Notice, seller: str | None, kw: Decimal) -> list[Callable[[], object]]:
        """The steps of a notice in their order."""
        signatory = (asked.owner, "signatory")
        return [
            lambda: self._peer_steps(asked, signatory, "submit"),
            lambda: self._dso_steps(asked, "start_assessment"),
            lambda: self._answer_notice(asked, seller, kw),
            lambda: self._dso_steps(asked, "issue"),
            lambda: self._peer_steps(asked, signatory, "sign"),
            lambda: self._dso_steps(asked, "countersign"),
        ]

    def _answer_notice(self, notice: Notice, seller: str | None, kw: Decimal) -> None:
        """Support it, on condition of a seller whose own notice is then signed as well."""
        if seller is None:
            self._dso_steps(notice, "support")
        elif self._support_conditionally(notice, [(seller, kw)]):
            for each in notice.earmarks:
                signatory = (each.owner, "signatory")
                self._peer_steps(each, signatory, "submit")
                self._dso_steps(each, "issue")
                self._peer_steps(each, signatory, "sign")
