"""Service windows: the half-hours of recurring hours on chosen weekdays (domain 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from core.errors import Period, Refusal
from core.periods import LONDON, half_hours_between, half_hours_in_words, local_midnight, merged

MIDNIGHT = time()
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST_DAYS = 366
LATEST_YEAR = 2200


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """First to last day (both in), ISO weekdays, local start and end on :00 or :30.

    End 00:00 is midnight at the end of the day; start = end = 00:00 is all day; an end before the
    start crosses midnight, and the weekday is that of the start. ``excluded`` holds UTC starts of
    half-hours that are taken out (a window without its failing half-hours).
    """

    first_date: date
    last_date: date
    weekdays: tuple[int, ...] = EVERY_DAY
    start_time: time = MIDNIGHT
    end_time: time = MIDNIGHT
    excluded: frozenset[datetime] = frozenset()

    def refusals(self) -> list[Refusal]:
        """Return every reason why this is no window."""
        found = []
        if self.last_date < self.first_date:
            found.append(
                Refusal("window_reversed", "The last day is before the first day.", "last_date")
            )
        elif (self.last_date - self.first_date).days > LONGEST_DAYS:
            found.append(Refusal("window_too_long", "A window is at most a year.", "last_date"))
        if self.last_date.year > LATEST_YEAR:
            message = f"A window ends by the year {LATEST_YEAR}."
            found.append(Refusal("window_too_far", message, "last_date"))
        if not self.weekdays or not set(self.weekdays) <= set(EVERY_DAY):
            found.append(Refusal("window_no_weekday", "Choose at least one weekday.", "weekdays"))
        for name in ("start_time", "end_time"):
            value: time = getattr(self, name)
            if value.minute not in {0, 30} or value.second or value.microsecond:
                message = f"{value:%H:%M} is not on a half-hour: use :00 or :30."
                found.append(Refusal("window_not_on_half_hour", message, name))
        if self.start_time == self.end_time != MIDNIGHT:
            message = "Start and end are the same. For all day use 00:00 to 00:00."
            found.append(Refusal("window_start_is_end", message, "end_time"))
        if not found and not self.half_hours():
            message = "No half-hour of these days falls into these hours."
            found.append(Refusal("window_empty", message, "weekdays"))
        return found

    def half_hours(self) -> list[datetime]:
        """Return the UTC starts of the half-hours, in order, each once."""
        starts = {
            at for day in self._start_days() for at in self._of_day(day) if at not in self.excluded
        }
        return sorted(starts)

    def last_half_hour(self) -> datetime:
        """Return the UTC start of the last half-hour, without making all of a long window."""
        latest = max(self.first_date, self.last_date - timedelta(days=13))
        starts = replace(self, first_date=latest).half_hours() or self.half_hours()
        return starts[-1]

    def periods(self) -> tuple[Period, ...]:
        """Return the half-hours merged into half-open UTC periods."""
        return merged(self.half_hours())

    def hours(self) -> Decimal:
        return Decimal(len(self.half_hours())) / 2

    def clock_changes(self) -> list[date]:
        """Return the local days touched by the window on which the clocks change."""
        touched = {at.astimezone(LONDON).date() for at in self.half_hours()}
        day_length = timedelta(days=1)
        return sorted(
            day
            for day in touched
            if local_midnight(day + day_length) - local_midnight(day) != day_length
        )

    def _start_days(self) -> Iterator[date]:
        for n in range((self.last_date - self.first_date).days + 1):
            day = self.first_date + timedelta(days=n)
            if day.isoweekday() in self.weekdays:
                yield day

    def _of_day(self, day: date) -> Iterator[datetime]:
        """Yield the half-hours of the window that starts on ``day``, by their local labels.

        On the long day a repeated label counts twice, on the short day a missing one not at all.
        """
        crosses = self.end_time != MIDNIGHT and self.end_time < self.start_time
        for at in half_hours_between(local_midnight(day), local_midnight(day + timedelta(days=1))):
            label = at.astimezone(LONDON).time()
            if label >= self.start_time and (
                crosses or self.end_time == MIDNIGHT or label < self.end_time
            ):
                yield at.astimezone(UTC)
        if crosses:
            after = day + timedelta(days=1)
            for at in half_hours_between(
                local_midnight(after), local_midnight(after + timedelta(days=1))
            ):
                if at.astimezone(LONDON).time() < self.end_time:
                    yield at.astimezone(UTC)

    def __str__(self) -> str:
        if tuple(sorted(self.weekdays)) == EVERY_DAY:
            days = "every day"
        else:
            days = weekdays_in_words(self.weekdays)
        if self.start_time == self.end_time == MIDNIGHT:
            hours = "all day"
        else:
            hours = f"{self.start_time:%H:%M} to {self.end_time:%H:%M}"
        text = f"{self.first_date:%-d %b %Y} to {self.last_date:%-d %b %Y}, {days}, {hours}"
        if self.first_date == self.last_date:
            text = f"{self.first_date:%a %-d %b %Y}, {hours}"
        if self.excluded:
            text += f", without {half_hours_in_words(len(self.excluded))}"
        return text


def weekdays_in_words(weekdays: Collection[int]) -> str:
    """Such as "Mon to Fri" or "Mon, Wed"; ``weekdays`` counts from Monday, 1."""
    names = [WEEKDAY_NAMES[n - 1] for n in sorted(weekdays)]
    if len(names) > 2 and max(weekdays) - min(weekdays) == len(names) - 1:  # noqa: PLR2004
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names)


def window_of(half_hours: Collection[datetime]) -> ServiceWindow:
    """Return a window that holds just these half-hours, with as little left out as may be.

    :raises ValueError: if there is no half-hour
    """
    if not half_hours:
        raise ValueError("No window holds no half-hour.")
    local = [at.astimezone(LONDON) for at in half_hours]
    start_time, end_time = _hours_of({each.time() for each in local})
    crosses = end_time != MIDNIGHT and end_time < start_time
    days = {
        each.date() - timedelta(days=1 if crosses and each.time() < end_time else 0)
        for each in local
    }
    whole = ServiceWindow(
        first_date=min(days),
        last_date=max(days),
        weekdays=tuple(sorted({day.isoweekday() for day in days})),
        start_time=start_time,
        end_time=end_time,
    )
    return replace(whole, excluded=frozenset(whole.half_hours()) - frozenset(half_hours))


def _hours_of(labels: Collection[time]) -> tuple[time, time]:
    """Return start and end of the shortest stretch, over midnight too, that holds all labels."""
    a_day = 48
    used = sorted(label.hour * 2 + label.minute // 30 for label in labels)
    if len(used) == a_day:
        return MIDNIGHT, MIDNIGHT
    after = [*used[1:], used[0] + a_day]
    gaps = [later - earlier for earlier, later in zip(used, after, strict=True)]
    longest = max(range(len(used)), key=lambda n: gaps[n])
    start, end = after[longest] % a_day, (used[longest] + 1) % a_day
    return _label(start), _label(end)


def _label(number: int) -> time:
    return time(number // 2, 30 * (number % 2))
