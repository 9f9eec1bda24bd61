"""A study's receipt: a file that computes to the same answer, away from Django and the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from connections.models import Allocation, AllocationSpan, Site
from core import clock
from participants.models import Membership, User
from participants.states import Role
from psa.models import ForecastDay, Study
from psa.receipts import NoReceiptError, inputs_of, receipt_of
from psa.running import run_open_studies
from tests.psa.world import AT, DAY, World, make_world, publish_forecasts, publish_model
from tests.wsc.market import make_contract, make_engineer, signed_in

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


def studied(world: World, *, kw: float) -> Study:
    world.ask(world.question(kw=kw))
    with clock.frozen(AT):
        run_open_studies()
    return Study.objects.latest("pk")


def computed_again(text: str, folder: Path, *more: str) -> tuple[int, str]:
    """Run the receipt in a process that has neither Django's settings nor a database."""
    path = folder / "receipt.json"
    path.write_text(text, encoding="utf-8")
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "psa.engine", str(path), *more],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kw", [100, 600])  # passes, fails
def test_a_receipt_computes_to_the_last_place(kw: float, tmp_path: Path) -> None:
    study = studied(make_world(), kw=kw)

    code, told = computed_again(receipt_of(study), tmp_path)

    assert (code, told.splitlines()[-1]) == (0, "The same answer.")
    assert f"hash of the inputs: {study.inputs_hash}" in told


def test_a_receipt_holds_by_pandapowers_own_power_flow(tmp_path: Path) -> None:
    study = studied(make_world(), kw=100)

    code, told = computed_again(receipt_of(study), tmp_path, "--pandapower")

    assert (code, told.splitlines()[-1]) == (0, "The same answer, within the tolerance.")


def test_what_has_changed_since_is_not_in_the_receipt() -> None:
    world = make_world()
    make_contract(world, kw=50)  # on the register when the study reads it
    study = studied(world, kw=100)
    before = receipt_of(study)

    publish_forecasts(world, at=AT + DAY, exports={"Mill": 1.0})
    publish_model(world.area, at=AT + DAY)
    world.mill.agreements.update(mec_kva=1)
    AllocationSpan.objects.all().delete()
    Allocation.objects.update(state="RELEASED")
    Site.objects.filter(pk=world.mill.pk).update(name="Renamed", network_bus="End 2")

    assert receipt_of(Study.objects.get(pk=study.pk)) == before


def test_a_record_that_was_tampered_with_gives_no_receipt() -> None:
    study = studied(make_world(), kw=100)
    ForecastDay.objects.update(export_kw=[0.0] * 48)

    with pytest.raises(NoReceiptError, match="no longer gives the inputs"):
        receipt_of(study)


def test_an_answer_that_was_edited_is_found_out(tmp_path: Path) -> None:
    receipt: dict[str, Any] = json.loads(receipt_of(studied(make_world(), kw=600)))
    receipt["result"]["outcome"] = "pass"
    receipt["study"]["options"]["loading_fail_percent"] = 99.0

    code, told = computed_again(json.dumps(receipt), tmp_path)

    assert code == 1
    assert "differs: outcome: 'pass' recorded, 'fail' now" in told


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "another"}', '{"format": 1}'])
def test_what_is_no_receipt_is_told_in_a_sentence(text: str, tmp_path: Path) -> None:
    code, told = computed_again(text, tmp_path)

    assert code == 2
    assert told.startswith("This is no capacity study receipt, version 1")
    assert "Traceback" not in told


def test_the_inputs_are_on_record_to_the_last_number() -> None:
    study = studied(make_world(), kw=100)
    assert study.result is not None

    assert inputs_of(study).digest(study.result["versions"]) == study.inputs_hash


def test_engineers_download_it_from_the_studys_page(settings: Any) -> None:
    settings.DEMO = True  # no second factor where it is not the subject
    study = studied(make_world(), kw=100)
    portal = signed_in(make_engineer())
    page = portal.get(f"/dso/psa/study/{study.pk}/change/").content.decode()
    assert f"/dso/psa/study/{study.pk}/receipt/" in page

    answer = portal.get(f"/dso/psa/study/{study.pk}/receipt/")

    assert answer.content.decode() == receipt_of(study)
    assert "/login" in Client().get(f"/dso/psa/study/{study.pk}/receipt/")["Location"]
    assert answer["Content-Disposition"] == f'attachment; filename="study-{study.pk}.json"'


def test_the_dso_takes_it_over_rest_and_a_party_to_the_study_does_not(client: Client) -> None:
    world = make_world()
    study = studied(world, kw=100)
    page = f"/api/v1/studies/{study.pk}/receipt/"
    trader = User.objects.create_user(email="trader@farm.example.org")
    Membership.objects.create(
        organisation=world.farm.organisation, user=trader, role=Role.TRADER, created_at=AT
    )

    answer = signed_in(make_engineer()).get(page)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.content.decode() == receipt_of(study)
    assert answer["Content-Disposition"] == f'attachment; filename="study-{study.pk}.json"'
    assert signed_in(trader).get(f"/api/v1/studies/{study.pk}/").status_code == 200
    assert signed_in(trader).get(page).status_code == 404
    assert client.get(page).status_code == 401


def test_a_study_without_an_answer_has_no_receipt_over_rest() -> None:
    world = make_world()
    study = world.ask(world.question(kw=100))

    answer = signed_in(make_engineer()).get(f"/api/v1/studies/{study.pk}/receipt/")

    assert answer.status_code == 409
    assert answer.json()["code"] == "psa.study.receipt"
    assert answer.json()["detail"] == f"{study} has no answer."
