"""A study's PDF: what it says, when it is made, who takes it."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from core import clock, pdf
from core.errors import WrongStateError
from core.journal import SYSTEM
from core.models import Event
from core.pdf import MISSING, NoPdfError
from participants.models import Membership, User
from participants.states import Role
from psa import services
from psa.models import Study, StudyDocument
from psa.models.studies import MADE_WITHIN
from psa.questions import FurtherChecks, StudyOptions
from psa.running import run_open_studies
from psa.seen import filing
from psa.seen.documents import paper_of, why_none
from psa.seen.facts import facts_of
from psa.seen.report import MOST_CONSTRAINTS, MOST_EXISTING, chief_among
from tests.psa.world import AT, World, make_world, publish_forecasts
from tests.wsc.market import make_engineer, signed_in

SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def studied(world: World, *, kw: float, options: StudyOptions | None = None) -> Study:
    world.ask(world.question(kw=kw, options=options))
    with clock.frozen(AT):
        run_open_studies()
    return Study.objects.select_related("area", "network_model").latest("pk")


def asked_for(study: Study) -> None:
    services.request_document(study_id=study.pk, actor=SYSTEM, at=AT)


def filed(study: Study) -> StudyDocument:
    asked_for(study)
    with clock.frozen(AT):
        filing.file(study_id=study.pk)
    return StudyDocument.objects.get(study=study)


def read(document: StudyDocument) -> tuple[PdfReader, str]:
    """Return the file, and its text with single spaces."""
    assert document.content is not None
    found = PdfReader(BytesIO(bytes(document.content)))
    return found, re.sub(r"\s+", " ", " ".join(page.extract_text() for page in found.pages))


@pytest.mark.needs_pango
def test_it_says_what_the_facts_say_and_carries_them(caplog: pytest.LogCaptureFixture) -> None:
    world = make_world()
    publish_forecasts(world, case="HIGH", days=1)
    options = StudyOptions(
        forecast_cases=("CENTRAL", "HIGH"),
        further=FurtherChecks(
            outages=("line Line 1",), emergency_percent=120.0, step_voltage_percent=3.0
        ),
    )
    study = studied(world, kw=200, options=options)

    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        file, text = read(filed(study))

    facts = json.loads(json.dumps(facts_of(study)))
    assert json.loads(file.attachments[f"study-{study.pk}-facts.json"][0]) == facts
    assert facts["result"] == study.result
    assert study.network_model is not None
    for words in (
        study.summary,
        "Mill gives up 200 kW of export and Farm gains 200 kW of export",
        "Vale supply point",
        "Lane, version 1",
        study.network_model.sha256,
        study.inputs_hash,
        "Rights used, full capacity",
        "Central, high; the worst decides",
        "line Line 1, each lost alone, at 120 % of the ratings; reported only",
        "at most 3 %; reported only",
        "no market contract at all",
        "Line 2 loading: created, binds Rights used 71.4 % 71.4 % 100.5 % 100.0 % 48 Mon 7 Dec",
        "141 kW passes, 142 kW fails",
        "Not checked: fault level, protection, harmonics, unbalance between phases .",
        f"python -m psa.engine study-{study.pk}.json",
        f"pandapower {facts['versions']['pandapower']}",
        "Name Date Signature",
        f"Page 1 of {len(file.pages)}",
    ):
        assert words in text.replace("phases.", "phases ."), words
    catalog: Any = file.trailer["/Root"]
    assert (catalog["/Lang"], catalog["/MarkInfo"]["/Marked"]) == ("en-GB", True)
    metadata: Any = file.metadata
    assert metadata["/Title"] == f"Power-flow study {study.pk}"
    assert not caplog.records  # a picture without words, a letter without a glyph


@pytest.mark.needs_pango
def test_what_the_network_has_anyway_does_not_bury_what_binds() -> None:
    def constraint(number: int, kind: str, *, binds: bool) -> dict[str, Any]:
        return {"element": f"Bus {number}", "kind": kind, "binds": binds}

    before = [constraint(n, "existing", binds=False) for n in range(50)]
    beside = [constraint(n, "worsened", binds=False) for n in range(50, 60)]
    binding = [constraint(n, "created", binds=True) for n in range(60, 120)]

    assert chief_among(before + beside + binding[:3])[0] == [
        *binding[:3],
        *beside,
        *before[:MOST_EXISTING],
    ]
    most, rest = chief_among(before + beside + binding)
    assert most == binding[:MOST_CONSTRAINTS] + before[:MOST_EXISTING]
    assert rest == beside + before[MOST_EXISTING:]


def test_its_hash_is_on_the_record_and_in_the_journal() -> None:
    document = filed(studied(make_world(), kw=50))

    assert document.content is not None
    assert document.sha256 == sha256(bytes(document.content)).hexdigest()
    event = Event.objects.get(verb="psa.document.made")
    assert json.loads(event.data) == {"sha256": document.sha256}


@pytest.mark.needs_pango
def test_a_study_without_an_answer_is_filed_as_such() -> None:
    study = studied(make_world(with_forecasts=False), kw=20)

    _, text = read(filed(study))

    assert f"No answer {study.summary}" in text
    assert "No half-hour was solved, so there are no figures." in text
    assert "Nothing was checked, for there is no answer." in text
    assert "Nothing was computed, so there is no receipt." in text
    assert "As in the network model throughout" not in text


def test_a_study_that_is_not_finished_has_none() -> None:
    world = make_world()
    study = world.ask(world.question(kw=50))
    events = Event.objects.count()

    with pytest.raises(WrongStateError, match="not computed yet"):
        asked_for(study)

    assert (Event.objects.count(), StudyDocument.objects.count()) == (events, 0)


def test_where_pango_is_missing_it_says_so_and_can_be_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> Any:
        raise NoPdfError(MISSING)

    monkeypatch.setattr(pdf, "_weasyprint", refuse)
    study = studied(make_world(), kw=50)

    document = filed(study)

    assert (document.fault, document.content, document.sha256) == (MISSING, None, "")
    assert (paper_of(study).state, paper_of(study).may_ask) == ("fault", True)
    assert why_none(study) == MISSING
    asked_for(study)
    with clock.frozen(AT):
        assert paper_of(study).state == "being made"
    assert Event.objects.filter(verb="psa.document.requested").count() == 2


def test_asking_twice_asks_a_worker_once_and_what_was_made_stays() -> None:
    study = studied(make_world(), kw=50)

    for _ in range(2):
        asked_for(study)
    for content in (b"first", b"second"):
        services.record_document(study_id=study.pk, content=content, at=AT)

    assert Event.objects.filter(verb="psa.document.requested").count() == 1
    assert bytes(StudyDocument.objects.get().content or b"") == b"first"
    assert Event.objects.filter(verb="psa.document.made").count() == 1


def test_one_that_did_not_come_is_said_so_and_asked_for_again() -> None:
    study = studied(make_world(), kw=50)
    asked_for(study)

    for late, state in ((MADE_WITHIN - SECOND, "being made"), (MADE_WITHIN, "late")):
        with clock.frozen(AT + late):
            assert paper_of(study).state == state
            assert paper_of(study).may_ask == (state == "late")
    assert "ask again" in why_none(study)  # long after
    services.request_document(study_id=study.pk, actor=SYSTEM, at=AT + MADE_WITHIN)

    with clock.frozen(AT + MADE_WITHIN):
        assert paper_of(study).state == "being made"
    assert Event.objects.filter(verb="psa.document.requested").count() == 2


def test_engineers_ask_for_it_wait_and_take_it_on_the_studys_page(settings: Any) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    study = studied(make_world(), kw=50)
    portal = signed_in(make_engineer())
    page, file = f"/dso/psa/study/{study.pk}/change/", f"/dso/psa/study/{study.pk}/pdf/"

    def shown() -> str:
        return portal.get(page).content.decode()

    assert "Make the PDF" in shown()
    assert portal.post(file)["Location"] == f"{page}#pdf"
    assert "A worker is making the PDF" in shown()
    assert portal.get(file).status_code == 404
    services.record_document(study_id=study.pk, content=None, fault=MISSING, at=AT)
    assert "apt-get install" in shown()
    assert portal.get(file)["Location"] == f"{page}#pdf"
    portal.post(file)
    services.record_document(study_id=study.pk, content=b"%PDF", at=AT)
    assert "Download the PDF" in shown()
    answer = portal.get(file)
    assert (answer.content, answer["Content-Type"]) == (b"%PDF", "application/pdf")
    assert answer["Content-Disposition"] == f'attachment; filename="study-{study.pk}.pdf"'


def test_the_dso_takes_facts_and_pdf_over_rest_and_a_party_to_the_study_does_not() -> None:
    world = make_world()
    study = studied(world, kw=50)
    engineer, file = signed_in(make_engineer()), f"/api/v1/studies/{study.pk}/pdf/"
    trader = User.objects.create_user(email="trader@farm.example.org")
    Membership.objects.create(
        organisation=world.farm.organisation, user=trader, role=Role.TRADER, created_at=AT
    )

    early = engineer.get(file)
    asked = engineer.post(file)
    services.record_document(study_id=study.pk, content=b"%PDF", at=AT)
    answer = engineer.get(file, headers={"Accept": "application/pdf"})
    facts = engineer.get(f"/api/v1/studies/{study.pk}/facts/")

    assert (early.status_code, early.json()["code"]) == (409, "psa.study.pdf")
    assert (asked.status_code, asked.json()["state"]) == (202, "being made")
    assert (answer.status_code, answer.content) == (200, b"%PDF")
    assert facts.json() == json.loads(json.dumps(facts_of(study)))
    peer: Client = signed_in(trader)
    assert peer.get(f"/api/v1/studies/{study.pk}/").status_code == 200
    assert peer.get(file).status_code == 404
    assert peer.get(f"/api/v1/studies/{study.pk}/facts/").status_code == 404
