"""What may be traded, told a second time: plain Python from the domain's rules, none of ours.

Values only. Times are UTC, half-hours are named by their start, kW are Decimals. A move's reasons
say what speaks against it: WHO (the wrong person), STATE (the wrong moment of its life), RULES.
No reason: it must go through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
WHO, STATE, RULES = "who", "state", "rules"
NONE = Decimal(0)
DECISION_TIME = timedelta(hours=48)
MISSED_AFTER = timedelta(minutes=15)  # an acceptance whose message was lost
OUTLINE = {"BUY": Decimal(50), "SELL": Decimal(60)}
BEFORE_FORCE = ("DRAFT", "REQUESTED", "ASSESSING", "SUPPORTED", "CONDITIONAL", "ISSUED", "EXECUTED")

Hours = tuple[datetime, ...]
Person = tuple[str, str]  # (peer or "dso", role)
Reasons = set[str]


def half_hours(first: date, days: int, start: time, end: time) -> Hours:
    """Every half-hour whose local label lies in a window, by the day on which it starts."""
    starts = {first + timedelta(days=n) for n in range(days)}
    at = datetime.combine(first, time(), UTC) - timedelta(hours=3)
    found = []
    while at < datetime.combine(first, time(), UTC) + timedelta(days=days + 2):
        local = at.astimezone(LONDON)
        label, day = local.time(), local.date()
        if start < end or end == time():
            inside = day in starts and start <= label and (end == time() or label < end)
        else:
            inside = (day in starts and label >= start) or (
                day - timedelta(days=1) in starts and label < end
            )
        if inside:
            found.append(at)
        at += HALF_HOUR
    return tuple(found)


def gate(first: datetime, days: int, hour: int) -> datetime:
    """So many local days before the first half-hour, at an hour."""
    day = first.astimezone(LONDON).date() - timedelta(days=days)
    return datetime.combine(day, time(hour), LONDON).astimezone(UTC)


def next_half_hour(at: datetime) -> datetime:
    floor = at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)
    return floor if floor == at else floor + HALF_HOUR


@dataclass(frozen=True)
class Rights:
    agreed: Decimal | None  # None: no right, which is not 0
    installed: Decimal
    follows_contracts: bool = False  # P2P-specific


@dataclass(eq=False)
class Request:
    owner: str
    side: str
    direction: str
    to: str | None  # the named peer; None: the pool
    hours: Hours
    kw: Decimal
    smallest: Decimal | None
    pk: int = 0
    filled: Decimal = NONE
    state: str = "OPEN"

    @property
    def left(self) -> Decimal:
        return self.kw - self.filled


@dataclass(eq=False)
class Response:
    request: Request
    owner: str
    kw: Decimal
    pk: int = 0
    state: str = "OPEN"


@dataclass(eq=False)
class Contract:
    buyer: str
    seller: str
    direction: str
    kw: Decimal
    hours: Hours
    decide_by: datetime
    agreed_at: datetime
    pk: int = 0
    state: str = "PENDING"
    firm: bool = False  # it was approved
    cancelled_from: datetime | None = None
    proposed_by: str | None = None
    proposed_from: datetime | None = None
    in_review: bool = False
    with_engineer: bool = False
    at_risk: bool = False

    @property
    def ends(self) -> datetime:
        return self.hours[-1] + HALF_HOUR

    @property
    def live(self) -> bool:
        return self.state in {"PENDING", "APPROVED"}

    def kept(self) -> Iterable[datetime]:
        """The half-hours whose capacity it holds, or has made firm."""
        if self.live:
            return self.hours
        if self.state == "CANCELLED" and self.firm and self.cancelled_from is not None:
            return [at for at in self.hours if at < self.cancelled_from]
        return ()


@dataclass(eq=False)
class Notice:
    """A TCVN. A seller's is an earmark for the buyer of the notice that it belongs to."""

    owner: str
    direction: str
    kw: Decimal
    hours: Hours
    pk: int = 0
    state: str = "DRAFT"
    condition_of: Notice | None = None
    earmarks: list[Notice] = field(default_factory=list)
    varies: Notice | None = None
    superseded_from: datetime | None = None  # another counts from then on
    ends_from: datetime | None = None  # its end was given
    sign_by: date | None = None
    issued: int = 0  # of all issues, the how many'th
    in_force: set[datetime] = field(default_factory=set)


@dataclass(frozen=True)
class Line:
    """A half-hour of the register."""

    agreed: Decimal | None
    ceiling: Decimal
    sold: Decimal
    bought: Decimal
    held_sold: Decimal
    held_bought: Decimal
    permitted: Decimal


class Register:
    """Who may use how much: derived from agreements, notices in force and contracts."""

    def __init__(self, rights: dict[str, dict[str, Rights]]) -> None:
        self.rights = rights
        self.contracts: list[Contract] = []
        self.notices: list[Notice] = []

    def notice(self, peer: str, direction: str, at: datetime) -> Notice | None:
        return next(
            (
                each
                for each in self.notices
                if (each.owner, each.direction) == (peer, direction) and at in each.in_force
            ),
            None,
        )

    def trades(self, peer: str, direction: str, at: datetime) -> Iterator[Contract]:
        for each in self.contracts:
            ends = (each.buyer, each.seller)
            if each.direction == direction and peer in ends and at in each.kept():
                yield each

    def line(self, peer: str, direction: str, at: datetime) -> Line:
        rights, notice = self.rights[peer][direction], self.notice(peer, direction, at)
        agreed = rights.agreed or NONE
        ceiling = agreed
        if rights.follows_contracts and rights.agreed is not None:
            ceiling = rights.installed
        elif notice is not None and notice.condition_of is None:
            ceiling = max(agreed, notice.kw)
        ceiling = min(ceiling, rights.installed)
        total = {(role, firm): NONE for role in ("sold", "bought") for firm in (True, False)}
        by_seller: dict[str, Decimal] = {}
        for each in self.trades(peer, direction, at):
            role = "sold" if each.seller == peer else "bought"
            total[role, each.firm] += each.kw
            if role == "bought" and each.firm:
                by_seller[each.seller] = by_seller.get(each.seller, NONE) + each.kw
        counted = total["bought", True]
        if notice is not None and notice.earmarks:
            named = {earmark.owner: earmark.kw for earmark in notice.earmarks}
            counted = sum((min(kw, named.get(s, NONE)) for s, kw in by_seller.items()), NONE)
        return Line(
            agreed=rights.agreed,
            ceiling=ceiling,
            sold=total["sold", True],
            bought=total["bought", True],
            held_sold=total["sold", False],
            held_bought=total["bought", False],
            permitted=max(NONE, min(ceiling, agreed + counted - total["sold", True])),
        )

    def breaches(self, peer: str, direction: str, at: datetime) -> set[str]:
        """Which limits the trades of a half-hour break."""
        line, notice = self.line(peer, direction, at), self.notice(peer, direction, at)
        sold, bought = line.sold + line.held_sold, line.bought + line.held_bought
        if not sold and not bought:
            return set()
        found = set()
        if line.agreed is None:
            return {"no right"}
        if sold and bought:
            found.add("both")
        if sold > line.agreed:
            found.add("oversold")
        follows = self.rights[peer][direction].follows_contracts
        if bought and not follows and (notice is None or notice.condition_of is not None):
            found.add("no notice")
        if bought and line.agreed + bought > line.ceiling:
            found.add("over ceiling")
        if notice is not None:
            found |= set(self._beside_the_pair(peer, direction, at, notice))
        return found

    def _beside_the_pair(
        self, peer: str, direction: str, at: datetime, notice: Notice
    ) -> Iterator[str]:
        trades = list(self.trades(peer, direction, at))
        if notice.condition_of is not None:
            buyer = notice.condition_of.owner
            others = sum((each.kw for each in trades if each.buyer not in {buyer, peer}), NONE)
            agreed = self.rights[peer][direction].agreed or NONE
            if others > agreed - notice.kw:
                yield "earmarked"
        elif notice.earmarks:
            named = {earmark.owner: earmark.kw for earmark in notice.earmarks}
            for seller in {each.seller for each in trades} - {peer}:
                kw = sum((each.kw for each in trades if each.seller == seller), NONE)
                if kw > named.get(seller, NONE):
                    yield "not named"

    def would_break(self, trade: Contract, *, peers: Iterable[str]) -> set[str]:
        """Which limits of these peers a further trade breaks in any of its half-hours."""
        self.contracts.append(trade)
        try:
            return {
                breach
                for peer in peers
                for at in trade.hours
                for breach in self.breaches(peer, trade.direction, at)
            }
        finally:
            self.contracts.pop()

    def broken_from(self, at: datetime, peers: Iterable[str]) -> bool:
        return any(
            self.breaches(peer, each.direction, hour)
            for peer in peers
            for each in self.contracts
            for hour in each.hours
            if hour >= next_half_hour(at)
        )
