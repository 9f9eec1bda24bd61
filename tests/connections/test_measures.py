"""What a site records with its TCVN: its limitation scheme, the notice to its supplier."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from connections import services
from connections.models import Document, LimitationSetting, SiteMpan
from core import clock
from core.errors import RefusedError, WrongStateError
from core.journal import Actor
from participants.models import Notice
from tests.connections.making import in_force
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
ENDS = WINDOW.periods()[-1][1]
SHEET = b"kw,ok\n60,yes\n"
TODAY = AT.date()
SETTING: dict[str, Any] = {
    "before_kw": Decimal(50),
    "after_kw": Decimal(60),
    "changed_by": "A. Fitter",
    "changed_on": TODAY,
    "tested_by": "B. Tester",
    "tested_on": TODAY,
}


def record(world: World, tcvn_id: int, **other: Any) -> LimitationSetting:
    values = {**SETTING, "file_name": "sheet.csv", "file_content": SHEET, **other}
    return services.record_limitation(tcvn_id=tcvn_id, actor=world.rival.actor, at=AT, **values)


def test_the_page_has_a_text_for_the_supplier_with_meter_point_window_and_capacity(
    world: World, dso: Actor, client: Client
) -> None:
    tcvn = in_force(world.rival, dso)
    SiteMpan.objects.create(site=world.rival.site, direction="IMPORT", mpan="2009900001576")
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")

    page = client.get(reverse("connections:tcvn-measures", args=[tcvn.pk])).content.decode()

    assert "MPAN (import): 2009900001576" in page
    assert f"In this window (local time): {tcvn.window}" in page
    assert "may import up to 60 kW, as far as the site has bought capacity for it" in page
    assert 'data-copy="#for-supplier"' in page


def test_a_setting_is_kept_with_its_evidence_and_recorded_once(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)

    setting = record(world, tcvn.pk)

    evidence = Document.objects.get()
    assert setting.evidence == evidence
    assert bytes(evidence.content) == SHEET
    with pytest.raises(RefusedError) as caught:
        record(world, tcvn.pk)
    assert [each.code for each in caught.value.refusals] == ["limitation_recorded"]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"after_kw": Decimal(61)}, "above_notice"),
        ({"tested_on": TODAY - timedelta(days=1)}, "tested_before_changed"),
        ({"tested_on": TODAY + timedelta(days=1)}, "day_to_come"),
        ({"file_content": b"MZ"}, "file_kind"),
    ],
)
def test_what_is_no_setting_is_refused(
    world: World, dso: Actor, other: dict[str, Any], code: str
) -> None:
    tcvn = in_force(world.rival, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        record(world, tcvn.pk, **other)

    assert [each.code for each in caught.value.refusals] == [code]
    assert fingerprint() == before


def test_a_site_is_reminded_once_when_its_notice_is_over(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)
    record(world, tcvn.pk)

    found = [services.remind_all_to_set_back(at=at) for at in (AT, ENDS, ENDS)]

    assert found == [0, 1, 0]
    notice = Notice.objects.get(title__contains="limitation scheme back")
    assert dict(notice.facts)["Set it back to"] == "50 kW"


def test_what_is_set_back_needs_no_reminder(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)
    record(world, tcvn.pk)
    back: dict[str, Any] = {
        "tcvn_id": tcvn.pk,
        "set_back_by": "A. Fitter",
        "set_back_on": TODAY,
        "actor": world.rival.actor,
        "at": AT,
    }

    services.record_set_back(**back)

    assert services.remind_all_to_set_back(at=ENDS) == 0
    with pytest.raises(WrongStateError):
        services.record_set_back(**back)


def test_a_page_takes_setting_and_suppliers_notice(
    world: World, dso: Actor, client: Client
) -> None:
    tcvn = in_force(world.rival, dso)
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    address = reverse("connections:tcvn-measures", args=[tcvn.pk])
    typed = {name: str(value) for name, value in SETTING.items()}

    with clock.frozen(AT):
        wrong = client.post(address, {"what": "limitation", **typed})
        client.post(
            address,
            {"what": "limitation", **typed, "file": SimpleUploadedFile("sheet.csv", SHEET)},
        )
        client.post(
            address, {"what": "supplier", "supplier": "Green Supply", "told_on": str(TODAY)}
        )
    page = client.get(address).content.decode()

    assert wrong.status_code == 422
    assert 'value="A. Fitter"' in wrong.content.decode()  # nothing typed is lost
    assert "sheet.csv" in page
    assert "Green Supply, told on 2 March 2026" in page
