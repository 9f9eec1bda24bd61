"""Heat map, one element's chart, the profile along a feeder, and their values as files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from psa.models import StudyPicture
from psa.seen.heatmap import BANDS, gallery_of
from tests.psa.seen.test_pictures import drawn, result_of, studied
from tests.psa.world import FIRST_DAY, make_world
from tests.wsc.market import make_engineer, signed_in

pytestmark = pytest.mark.django_db


def test_the_element_that_fails_leads_the_heat_map_with_its_half_hours_past_the_limit() -> None:
    study = drawn(make_world(), kw=200)

    gallery = gallery_of(study, {})

    assert gallery is not None
    first = gallery.rows[0]
    assert (first.label, first.limit, first.past) == ("Line 2, loading", "100.0 %", 48)
    assert [(run.colour, run.x, run.width) for run in first.runs] == [(BANDS[-1][1], 230.0, 720.0)]
    assert first.runs[0].words == "past the limit, from Mon 7 Dec 2026 00:00 GMT"
    chart = next(each for each in result_of(study)["charts"] if each["element"] == "Line 2")
    assert first.worst == f"{max(chart['with']):.1f} %"
    assert gallery.chart is not None
    assert gallery.chart.title == "Line 2, loading"
    assert len(gallery.chart.rows) == 48


def test_another_element_and_the_case_without_are_shown_where_they_are_asked_for() -> None:
    study = drawn(make_world(), kw=200)

    gallery = gallery_of(study, {"element": "bus|2|voltage", "case": "without"})

    assert gallery is not None
    assert gallery.chart is not None
    assert gallery.chart.title == "bus End 2, voltage"
    assert gallery.case == "without it"
    assert gallery.rows[0].past == 0
    unknown = gallery_of(study, {"element": "bus|99|voltage"})
    assert unknown is not None
    assert unknown.chosen == "line|1|loading_percent"


def test_the_profile_has_the_feeders_buses_by_their_distance() -> None:
    study = drawn(make_world(), kw=200)

    gallery = gallery_of(study, {"at": "3"})

    assert gallery is not None
    assert gallery.profile is not None
    assert [(bus, km) for bus, km, *_ in gallery.profile.rows] == [
        ("End 1", "1.000"),
        ("End 2", "2.000"),
    ]
    assert gallery.profile.moment == "Mon 7 Dec 2026 01:30 GMT"
    with_, without = (float(gallery.profile.rows[1][at].removesuffix(" pu")) for at in (3, 2))
    assert 1.0 < without < with_ < 1.06


def test_without_a_picture_there_is_no_gallery_and_no_file(settings: Any) -> None:
    settings.DEMO = True
    study = studied(make_world(), kw=50)
    client = signed_in(make_engineer())

    assert gallery_of(study, {}) is None
    assert client.get(reverse("admin:psa_study_values", args=[study.pk])).status_code == 404


def test_values_come_as_csv_of_each_half_hour(settings: Any) -> None:
    settings.DEMO = True  # no second factor
    study = drawn(make_world(), kw=200)
    client = signed_in(make_engineer())

    few = client.get(reverse("admin:psa_study_values", args=[study.pk]))
    every = client.get(reverse("admin:psa_study_values", args=[study.pk]), {"every": "yes"})

    rows = list(csv.DictReader(io.StringIO(few.content.decode())))
    assert few["Content-Disposition"] == f'attachment; filename="study-{study.pk}.csv"'
    assert len(rows) == 48 * 5  # three buses, two lines
    assert {row["element"] for row in rows[:48]} == {"Line 2"}
    assert rows[1]["starts_at"] == (FIRST_DAY + timedelta(minutes=30)).isoformat().replace(
        "+00:00", "Z"
    )
    assert float(rows[0]["with"]) > 100 > float(rows[0]["without"])
    assert sorted(every.content.decode().splitlines()) == sorted(few.content.decode().splitlines())


def test_the_studys_page_shows_them_and_gives_its_facts(settings: Any) -> None:
    settings.DEMO = True
    study = drawn(make_world(), kw=200)
    client = signed_in(make_engineer())

    page = client.get(reverse("admin:psa_study_change", args=[study.pk])).content.decode()
    facts = client.get(reverse("admin:psa_study_facts", args=[study.pk])).json()

    assert "Nearest to their limits, over the half-hours" in page
    assert "Voltage along the feeder" in page
    assert facts["summary"] == study.summary
    assert facts["assumptions"]["inputs_hash"] == study.inputs_hash
    assert facts["result"] == study.result
    assert "outage security" in facts["not_checked"]
    assert StudyPicture.objects.count() == 1
