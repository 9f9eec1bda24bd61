"""The steps of a TCVN in the model: what speaks against each, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from tests.machine.model import (
    BEFORE_FORCE,
    HALF_HOUR,
    LONDON,
    NONE,
    OUTLINE,
    Notice,
    Person,
    Reasons,
    next_half_hour,
)
from tests.machine.moves import Market

STEPS = {  # what the DSO does: from which states, to which
    "start_assessment": (("REQUESTED",), "ASSESSING"),
    "support": (("ASSESSING",), "SUPPORTED"),
    "support_conditionally": (("ASSESSING",), "CONDITIONAL"),
    "refuse": (("REQUESTED", "ASSESSING"), "REFUSED"),
    "issue": (("SUPPORTED", "CONDITIONAL"), "ISSUED"),
    "reassess": (("SUPPORTED", "CONDITIONAL", "ISSUED", "EXECUTED"), "ASSESSING"),
    "reissue": (("ISSUED", "EXECUTED"), "ISSUED"),
    "countersign": (("EXECUTED",), "IN_FORCE"),
    "suspend": (("IN_FORCE", "ENDED"), "SUSPENDED"),
    "resume": (("SUSPENDED",), "IN_FORCE"),
    "end": (("IN_FORCE", "SUSPENDED", "ENDED"), "ENDED"),
}
COUNTERSIGNED = ("IN_FORCE", "SUSPENDED")
ANSWERED = ("SUPPORTED", "CONDITIONAL", "ISSUED", "EXECUTED")
Sellers = Sequence[tuple[str, Decimal]]


class Trial(Market):
    """The market and its notices."""

    issues = 0

    def against_notice(self, wish: Notice, person: Person) -> Reasons:
        rights = self.rights[wish.owner][wish.direction]
        fits = (
            wish.hours[0] > self.at
            and rights.agreed is not None
            and not rights.follows_contracts
            and rights.agreed < wish.kw <= rights.installed
            and wish.kw - rights.agreed <= OUTLINE["BUY"]
        )
        return self._who(self.trades_for(person, wish.owner)) | self._rules(fits)

    def against_submission(self, notice: Notice, person: Person) -> Reasons:
        return self._who(person == (notice.owner, "signatory")) | self._state(
            notice.state == "DRAFT"
        )

    def against_signature(self, notice: Notice, person: Person, *, as_read: bool) -> Reasons:
        found = self._who(person == (notice.owner, "signatory"))
        fits = as_read and self._may_be_signed(notice)
        return found | self._state(notice.state == "ISSUED") | self._rules(fits)

    def against_withdrawal_of(self, notice: Notice, person: Person) -> Reasons:
        found = self._who(self.trades_for(person, notice.owner))
        return found | self._state(notice.state in BEFORE_FORCE)

    def against_step(
        self, notice: Notice, step: str, sellers: Sellers, from_at: datetime
    ) -> Reasons:
        """Against what the DSO does to a notice."""
        sources = STEPS[step][0]
        if step == "issue" and notice.condition_of is not None:
            sources += ("REQUESTED",)
        fits: dict[str, Callable[[], bool]] = {
            "support_conditionally": lambda: self._are_sellers(notice, sellers),
            "countersign": lambda: self._comes_into_force(notice),
            "end": lambda: self._ends_from(notice, step, from_at),
            "suspend": lambda: self._ends_from(notice, step, from_at),
            "resume": lambda: self._resumes(notice),
            "reassess": lambda: notice.condition_of is None,
            "issue": lambda: self._may_be_signed(notice),
            "reissue": lambda: self._may_be_signed(notice),
        }
        allowed = self._state(notice.state in sources)
        return allowed | self._rules(step not in fits or fits[step]())

    def _may_be_signed(self, notice: Notice) -> bool:
        return notice.sign_by is None or notice.sign_by >= self.today

    def make_conditional(self, notice: Notice, sellers: Sellers) -> list[Notice]:
        notice.state = "CONDITIONAL"
        notice.earmarks = [
            Notice(peer, notice.direction, kw, notice.hours, condition_of=notice)
            for peer, kw in sellers
        ]
        self.notices += notice.earmarks
        return notice.earmarks

    def bring_into_force(self, notice: Notice) -> None:
        """Only now, so from the next half-hour on; a pair together, and what it varies not on."""
        takes_over = max(next_half_hour(self.at), notice.hours[0])
        for each, hours in self._with_the_line_cut(notice).items():
            if hours != each.in_force or each in self._gives_way(notice):
                each.superseded_from = takes_over
            each.in_force = hours
        for each in (notice, *notice.earmarks):
            each.state = "IN_FORCE"
            each.in_force = {at for at in each.hours if at >= next_half_hour(self.at)}
        self._changed()

    def end_notice(self, notice: Notice, step: str, from_at: datetime) -> None:
        for each in self._together(notice, step):
            each.state = STEPS[step][1]
            each.in_force = {at for at in each.in_force if at < from_at}
            if step == "end":
                each.ends_from = min(each.ends_from or from_at, from_at)
        if step == "end":
            for each in self.notices:
                void = each.varies is not None and each.varies.state == "ENDED"
                if void and each.condition_of is None and each.state in BEFORE_FORCE:
                    self.withdraw_notice(each)
        self._changed()

    def resume(self, notice: Notice) -> None:
        for each in self._together(notice, "resume"):
            each.state = "ENDED" if each.ends_from is not None else "IN_FORCE"
            each.in_force = self._resumed(each)
        self._changed()

    def reassess(self, notice: Notice) -> None:
        for each in notice.earmarks:
            if each.state in BEFORE_FORCE:
                each.state = "WITHDRAWN"
        notice.state, notice.earmarks = "ASSESSING", []

    @property
    def today(self) -> date:
        return self.at.astimezone(LONDON).date()

    def issue(self, notice: Notice) -> None:
        self.issues += 1
        notice.state, notice.issued = "ISSUED", self.issues

    def lapse(self) -> None:
        """What is not signed in time lapses; of a pair, in the order in which they were issued."""
        for each in sorted(self.notices, key=lambda each: each.issued):
            late = each.sign_by is not None and each.sign_by < self.today
            if each.state != "ISSUED" or not late:
                continue
            each.state = "LAPSED"
            for earmark in each.earmarks:
                if earmark.state in BEFORE_FORCE:
                    earmark.state = "WITHDRAWN"
            buyer = each.condition_of
            if buyer is not None and each in buyer.earmarks and buyer.state in ANSWERED:
                self.reassess(buyer)

    def follow_on(self) -> None:
        """Whose place another has taken is varied, once that half-hour has come.

        What was suspended until its end came has ended.
        """
        for each in self.notices:
            if each.state not in COUNTERSIGNED:
                continue
            if each.superseded_from is not None and each.superseded_from <= self.at:
                each.state = "VARIED"
            elif each.ends_from is not None and each.ends_from <= self.at:
                each.state = "ENDED"

    def against_variation(self, old: Notice, wish: Notice, person: Person) -> Reasons:
        by_dso = person[0] == "dso"
        may = person == ("dso", "engineer") if by_dso else self.trades_for(person, old.owner)
        rights = self.rights[old.owner][old.direction]
        agreed = rights.agreed or NONE
        stands_for_it = [
            each
            for each in self.notices
            if each.varies is old and each.state in (*BEFORE_FORCE, *COUNTERSIGNED)
        ]
        fits = (
            old.condition_of is None
            and not stands_for_it
            and old.ends_from is None
            and wish.hours[-1] > self.at
            and old.hours[-1] > self.at
            and agreed < wish.kw <= rights.installed
            and wish.kw - agreed <= OUTLINE["BUY"]
            and (by_dso or (wish.kw, wish.hours) != (old.kw, old.hours))
        )
        return self._who(may) | self._state(old.state in COUNTERSIGNED) | self._rules(fits)

    def withdraw_notice(self, notice: Notice) -> None:
        """What was asked of sellers for its sake falls with it."""
        for each in (notice, *notice.earmarks):
            if each.state in BEFORE_FORCE:
                each.state = "WITHDRAWN"
        buyer = notice.condition_of
        if buyer is not None and notice in buyer.earmarks and buyer.state in ANSWERED:
            self.reassess(buyer)

    def publish_policy(self, *, automatic: bool) -> None:
        self.automatic = automatic
        self._changed()

    def _changed(self) -> None:
        self.revision += 1
        self.to_study_again.append((None, None, None))

    def _are_sellers(self, notice: Notice, sellers: Sellers) -> bool:
        names = [peer for peer, _ in sellers]
        return (
            notice.condition_of is None
            and bool(names)
            and len(set(names)) == len(names)
            and notice.owner not in names
            and all(
                NONE < kw <= (self.rights[peer][notice.direction].agreed or NONE)
                for peer, kw in sellers
            )
        )

    def _comes_into_force(self, notice: Notice) -> bool:
        if notice.condition_of is not None:
            return False  # with the buyer's, never alone
        if any(each.state != "EXECUTED" for each in notice.earmarks):
            return False
        if notice.varies is not None and notice.varies.state not in COUNTERSIGNED:
            return False
        first = next_half_hour(self.at)
        changed = self._with_the_line_cut(notice)
        for each in (notice, *notice.earmarks):
            hours = {at for at in each.hours if at >= first}
            taken = {
                at
                for other in self.notices
                if (other.owner, other.direction) == (each.owner, each.direction)
                for at in changed.get(other, other.in_force)
            }
            if not hours or hours & taken:
                return False
            changed[each] = hours
        return self._holds_with(changed)

    def _line(self, notice: Notice) -> list[Notice]:
        """Whose place a notice takes, with their sellers', as far as they are in force."""
        found, last = [], notice.varies
        while last is not None:
            found += [last, *last.earmarks]
            last = last.varies
        return [each for each in found if each.state in COUNTERSIGNED]

    def _gives_way(self, notice: Notice) -> list[Notice]:
        takes_over = max(next_half_hour(self.at), notice.hours[0])
        return [
            each
            for each in self._line(notice)
            if each.superseded_from is None or each.superseded_from >= takes_over
        ]

    def _with_the_line_cut(self, notice: Notice) -> dict[Notice, set[datetime]]:
        takes_over = max(next_half_hour(self.at), notice.hours[0])
        return {
            each: {at for at in each.in_force if at < takes_over}
            for each in self._gives_way(notice)
        }

    def _together(self, notice: Notice, step: str) -> list[Notice]:
        """A notice, its sellers', and what is agreed to take its place, with theirs."""
        found, waiting = [notice, *notice.earmarks], [notice]
        while waiting:
            last = waiting.pop()
            if last.superseded_from is None or last.superseded_from <= self.at:
                continue
            after = [
                each
                for each in self.notices
                if each.varies is last
                and each.condition_of is None
                and each.state in (*COUNTERSIGNED, "ENDED")
            ]
            waiting += after
            found += [
                row
                for each in after
                if each.state != "ENDED" or any(at + HALF_HOUR > self.at for at in each.in_force)
                for row in (each, *each.earmarks)
                if row.state in STEPS[step][0]
            ]
        return found

    def _resumed(self, notice: Notice) -> set[datetime]:
        first = next_half_hour(self.at)
        limits = [each for each in (notice.superseded_from, notice.ends_from) if each is not None]
        ahead = {at for at in notice.hours if at >= first and all(at < until for until in limits)}
        return {at for at in notice.in_force if at < first} | ahead

    def _resumes(self, notice: Notice) -> bool:
        """From the next half-hour on, if any is left and nobody else has taken it."""
        if notice.condition_of is not None or self._is_replaced(notice):
            return False
        first = next_half_hour(self.at)
        changed = {each: self._resumed(each) for each in self._together(notice, "resume")}
        for each, hours in changed.items():
            taken = {
                at
                for other in self.notices
                if other is not each
                and (other.owner, other.direction) == (each.owner, each.direction)
                for at in changed.get(other, other.in_force)
            }
            ahead = {at for at in hours if at >= first}
            if not ahead or ahead & taken:
                return False
        return self._holds_with(changed)

    def _holds_with(self, changed: dict[Notice, set[datetime]]) -> bool:
        """Whether no limit would break if notices counted in these half-hours."""
        kept = {each: each.in_force for each in changed}
        for each, hours in changed.items():
            each.in_force = hours
        try:
            return not self.broken_from(self.at, {each.owner for each in changed})
        finally:
            for each, hours in kept.items():
                each.in_force = hours

    def _is_replaced(self, notice: Notice) -> bool:
        return notice.superseded_from is not None and notice.superseded_from <= self.at

    def _ends_from(self, notice: Notice, step: str, from_at: datetime) -> bool:
        """With effect from the next full half-hour or later, and no contract left without it."""
        if notice.condition_of is not None:
            return False
        if from_at != next_half_hour(from_at) or from_at < self.at or self._is_replaced(notice):
            return False
        if notice.ends_from is not None and notice.ends_from <= from_at:
            return False
        if notice.state == "ENDED" and not any(at >= from_at for at in notice.in_force):
            return False
        return self._holds_with(
            {
                each: {at for at in each.in_force if at < from_at}
                for each in self._together(notice, step)
            }
        )
