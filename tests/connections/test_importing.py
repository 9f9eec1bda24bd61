"""Sites, agreements and capacities from a file: looked at, then applied whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections import services
from connections.importing import preview
from connections.models import Agreement, Site, SiteFile
from connections.site_files import TEMPLATE, parse
from core import clock
from core.errors import RefusedError
from core.journal import Actor
from participants.models import User
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, World

pytestmark = pytest.mark.django_db
HEADER = (
    "reference,site,organisation,area,voltage_kv,mic_kva,mec_kva,max_installed_kva,starts_on,"
    "import_power_factor,export_power_factor,import_mpan"
)
MILL = "CA-Mill,Mill,Mill trust,Primary,0.4,50,60,300,2020-01-01,1,1,"  # as it is on record
MPAN = "2000000000015"


@pytest.fixture(autouse=True)
def at_the_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True
    with clock.frozen(AT):
        yield


def a_file(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows]).encode()


def portal(dso: Actor) -> Client:
    User.objects.filter(pk=dso.person()).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=dso.person()), backend="participants.auth.RoleBackend")
    return client


NEW = f"CA-9,Mill pond,Mill trust,Primary,0.4,20,,30,2026-06-01,1,1,{MPAN}"
AMENDED = "CA-Weir,Weir,Weir trust,Primary,0.4,50,80,300,2026-06-01,1,1,"


def test_the_template_can_be_read() -> None:
    parsed = parse(TEMPLATE.encode())

    assert parsed.faults == []
    assert [row["reference"] for row in parsed.rows] == ["CA-0001"]


def test_a_file_makes_amends_and_leaves_by_reference(world: World, dso: Actor) -> None:
    data = a_file(MILL, NEW, AMENDED)
    found = preview(data)
    revision = world.area.revision

    assert [(each.row["reference"], each.what) for each in found.differences] == [
        ("CA-Mill", "unchanged"),
        ("CA-9", "new site"),
        ("CA-Weir", "changed"),
    ]
    assert found.differences[2].changes == [("mec_kva", Decimal(60), Decimal(80))]
    services.apply_site_file(data=data, digest=found.digest, actor=dso, at=AT)

    site = Site.objects.get(name="Mill pond")
    assert [each.mpan for each in site.mpans.all()] == [MPAN]
    made = site.agreements.get()
    assert (made.reference, made.mic_kva, made.mec_kva) == ("CA-9", Decimal(20), None)
    summer = datetime(2026, 5, 31, 23, tzinfo=UTC)  # local midnight
    versions = Agreement.objects.filter(reference="CA-Weir").order_by("starts_at")
    assert [(each.mec_kva, each.starts_at, each.ends_at) for each in versions] == [
        (Decimal(60), datetime(2020, 1, 1, tzinfo=UTC), summer),
        (Decimal(80), summer, None),
    ]
    world.area.refresh_from_db()
    assert world.area.revision == revision + 1  # once, however many rows
    assert preview(data).counts == {
        "new site": 0,
        "new agreement": 0,
        "changed": 0,
        "unchanged": 3,
    }


def test_every_fault_is_told_at_once_with_its_row_and_column(world: World, dso: Actor) -> None:
    data = a_file(
        "CA-Mill,Weir,Weir trust,Primary,0.4,50,60,300,2026-06-01,1,1,",
        "CA-1,Pond,Nobody,Nowhere,x,20,,30,1 June,1,1,123",
        "CA-2,Lake,Mill trust,Primary,0.4,40,,30,2026-06-01,2,1,",
        "CA-2,Race,Mill trust,Primary,0.4,1,,30,2026-06-01,1,1,",
        "CA-Weir,Weir,Mill trust,Primary,0.4,50,70,300,2020-01-01,1,1,",
        "short",
    )
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.apply_site_file(data=data, actor=dso, at=AT)

    found = {(each.row, each.column) for each in preview(data).faults}
    assert found == {
        (2, "reference"),
        (3, "organisation"),
        (3, "area"),
        (3, "voltage_kv"),
        (3, "starts_on"),
        (3, "import_mpan"),
        (4, "mic_kva"),
        (4, "import_power_factor"),
        (5, "reference"),
        (6, "site"),
        (6, "organisation"),
        (7, ""),
    }
    assert len(caught.value.refusals) == len(found)
    assert fingerprint() == before


def test_a_change_under_live_contracts_takes_the_whole_file_back(world: World, dso: Actor) -> None:
    world.contract()  # 40 of the mill's 60 kW from 16 March
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.apply_site_file(
            data=a_file(NEW, MILL.replace("60,300,2020-01-01", "30,300,2026-03-10")),
            actor=dso,
            at=AT,
        )

    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.by_kw) == ("over_agreed", Decimal(10))
    assert refusal.message.startswith("Row 3: ")
    assert fingerprint() == before


def test_what_was_looked_at_is_what_is_applied(world: World, dso: Actor) -> None:
    data = a_file(AMENDED)
    digest = preview(data).digest
    Agreement.objects.filter(reference="CA-Weir").update(mec_kva=70)

    with pytest.raises(RefusedError) as caught:
        services.apply_site_file(data=data, digest=digest, actor=dso, at=AT)

    assert [each.code for each in caught.value.refusals] == ["import_changed"]


def test_a_file_is_compared_in_as_many_queries_for_ten_rows_as_for_one(world: World) -> None:
    counts = []
    for n in (1, 10):
        rows = [NEW.replace("CA-9", f"CA-{k}").replace("pond", f"pond {k}") for k in range(n)]
        with CaptureQueriesContext(connection) as queries:
            preview(a_file(*(row.removesuffix(MPAN) for row in rows)))
        counts.append(len(queries))

    assert counts[1] - counts[0] <= 2 * 9  # the rules of each new agreement ask twice


def test_the_portal_shows_the_difference_and_applies_it(world: World, dso: Actor) -> None:
    client = portal(dso)

    uploaded = client.post(
        "/dso/sites/import/", {"file": SimpleUploadedFile("sites.csv", a_file(AMENDED))}
    )
    page = client.get(uploaded["Location"])
    applied = client.post(uploaded["Location"], {"digest": page.context["found"].digest})

    assert "mec_kva: 60 → 80" in page.content.decode()
    assert applied.status_code == 302
    assert SiteFile.objects.get().applied_at == AT
    assert Agreement.objects.filter(reference="CA-Weir").count() == 2


def test_the_api_looks_and_applies(world: World, dso: Actor) -> None:
    client = portal(dso)
    post: dict[str, Any] = {"data": a_file(AMENDED), "content_type": "text/csv"}

    looked = client.post("/api/v1/sites/file/?dry_run=true", **post).json()
    nothing = Agreement.objects.filter(reference="CA-Weir").count()
    applied = client.post(f"/api/v1/sites/file/?digest={looked['digest']}", **post)
    wrong = client.post("/api/v1/sites/file/", a_file("short"), content_type="text/csv")
    empty = client.post("/api/v1/sites/file/", b"", content_type="text/csv")

    assert (looked["applied"], nothing) == (False, 1)
    assert looked["differences"] == [
        {
            "row": 2,
            "reference": "CA-Weir",
            "site": "Weir",
            "what": "changed",
            "changes": [{"column": "mec_kva", "was": "60.000", "will_be": "80"}],
        }
    ]
    assert (applied.status_code, applied.json()["applied"]) == (200, True)
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "import_row")
    assert (empty.status_code, bool(empty.json()["errors"])) == (422, True)


def test_the_command_looks_before_it_applies(world: World, tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_bytes(a_file(NEW))

    told = StringIO()
    call_command("import_sites", str(path), "--dry-run", stdout=told)
    assert not Site.objects.filter(name="Mill pond").exists()
    call_command("import_sites", str(path), stdout=told)
    assert Site.objects.filter(name="Mill pond").exists()
    assert "CA-9, new site" in told.getvalue()
    path.write_bytes(a_file("short"))
    with pytest.raises(CommandError, match="1 faults"):
        call_command("import_sites", str(path), stdout=told, stderr=told)


def test_a_reference_is_of_one_site_in_the_database_too(world: World) -> None:
    row = Agreement.objects.get(reference="CA-Weir")
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(reference="CA-Mill").update(reference=row.reference)

    assert Agreement.objects.filter(reference="CA-Mill").count() == 1
