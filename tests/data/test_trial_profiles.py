"""The trial's forecast profiles: the same everywhere, finite, at ease with clock changes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from core.periods import half_hours_of_day, local_midnight
from data.trial import profiles
from data.trial.tables import rows

A_YEAR = 2 * 24 * 366
HALF_HOUR = timedelta(minutes=30)


def test_every_profile_is_finite_and_between_0_and_one_and_a_bit_through_a_year() -> None:
    for kind in profiles.KINDS:
        values = profiles.per_unit(kind, datetime(2021, 11, 1, tzinfo=UTC), A_YEAR)
        assert len(values) == A_YEAR
        assert all(math.isfinite(value) and 0 <= value <= 1.1 for value in values), kind
        assert max(values) > 0.3, kind


def test_a_half_hour_has_the_same_value_whatever_period_is_asked_for() -> None:
    whole = datetime(2022, 3, 20, tzinfo=UTC)
    for kind in profiles.KINDS:
        fortnight = profiles.per_unit(kind, whole, 48 * 14)
        later = profiles.per_unit(kind, whole + 100 * HALF_HOUR, 96)
        assert fortnight[100:196] == later


def test_another_process_computes_the_same() -> None:
    code = (
        "import json, datetime; from data.trial import profiles as p;"
        "at = datetime.datetime(2021, 12, 13, tzinfo=datetime.UTC);"
        "print(json.dumps([p.per_unit(k, at, 60) for k in p.KINDS]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    at = datetime(2021, 12, 13, tzinfo=UTC)
    assert json.loads(said.stdout) == [
        list(profiles.per_unit(kind, at, 60)) for kind in profiles.KINDS
    ]


def test_loading_profiles_imports_no_numerical_library() -> None:
    code = (
        "import sys; import data.trial.profiles;"
        "print([m for m in ('numpy', 'pandas', 'pandapower') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("day", "count"), [(date(2022, 3, 27), 46), (date(2021, 10, 31), 50), (date(2022, 1, 1), 48)]
)
def test_demand_follows_the_local_clock_through_a_clock_change(day: date, count: int) -> None:
    half_hours = half_hours_of_day(day)
    assert len(half_hours) == count
    values = profiles.per_unit("shops", local_midnight(day), count)
    by_label = {
        at.astimezone(profiles.LONDON).strftime("%H:%M"): value
        for at, value in zip(half_hours, values, strict=True)
    }
    assert by_label["07:00"] == min(values)
    assert by_label["12:00"] == max(values)


def test_the_sun_shines_by_day_only_and_more_in_june() -> None:
    december = profiles.per_unit("solar", datetime(2021, 12, 21, tzinfo=UTC), 48)
    june = profiles.per_unit("solar", datetime(2022, 6, 21, tzinfo=UTC), 48)
    assert december[0] == december[14] == december[34] == 0  # 07:00 and 17:00 are dark
    assert december[24] > 0
    assert sum(value > 0 for value in december) < 18
    assert sum(value > 0 for value in june) > 30


def test_the_school_rests_on_saturdays_and_in_its_holidays() -> None:
    noons = [
        profiles.per_unit("school", datetime(*day, 12, tzinfo=UTC), 1)[0]
        for day in [(2022, 1, 17), (2022, 1, 22), (2021, 12, 27)]
    ]
    assert noons[0] > 3 * max(noons[1:])


def test_generation_is_export_and_demand_is_import() -> None:
    at = datetime(2022, 6, 21, 11, tzinfo=UTC)
    made, drawn = profiles.series("solar", at, 2)
    assert min(made) > 0
    assert list(drawn) == [0, 0]
    made, drawn = profiles.series("domestic", at, 2)
    assert list(made) == [0, 0]
    assert min(drawn) > 0


def test_a_site_never_forecasts_more_than_its_agreement_nor_both_ways_at_once() -> None:
    for row in rows("sites.csv"):
        export_kw, import_kw = profiles.site_forecast(row, datetime(2022, 5, 1, tzinfo=UTC), 5904)
        assert max(export_kw) <= float(row["forecast_export_limit_kw"] or 0)
        assert max(import_kw) <= float(row["forecast_import_limit_kw"] or 0)
        assert not any(a and b for a, b in zip(export_kw, import_kw, strict=True))


def test_a_whole_winter_of_every_site_and_bus_is_made_in_seconds() -> None:
    began = time.perf_counter()
    start = local_midnight(profiles.WINTER[0])
    count = (local_midnight(profiles.WINTER[1]) - start) // HALF_HOUR
    for row in rows("sites.csv"):
        profiles.site_forecast(row, start, count)
    for row in rows("background.csv"):
        profiles.background_forecast(row, start, count)
    assert count > 7000
    assert time.perf_counter() - began < 10
