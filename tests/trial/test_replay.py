"""The trial, replayed by the commands of the two set-ups."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.models import OutboxMessage
from nmf.models import Contract
from tests.machine.observed import fingerprint
from trial import table
from wsc.register_check import differences

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
WRITTEN = "replayed.csv"


def test_the_replay_gives_the_table_that_is_expected_and_is_refused_a_second_time(
    tmp_path: Path,
) -> None:
    call_command("load_trial", stdout=StringIO())
    printed = StringIO()

    call_command("replay_trial", write=str(tmp_path / WRITTEN), stdout=printed)

    expected = table.EXPECTED.read_text(encoding="utf-8")
    assert (tmp_path / WRITTEN).read_text(encoding="utf-8") == expected
    rows = list(csv.DictReader(StringIO(expected)))
    assert f"All {len(rows) * len(table.COLUMNS)} cells are as expected." in printed.getvalue()
    assert Contract.objects.count() == sum(row["route"] != "TCVN request" for row in rows)
    assert differences() == []
    assert not OutboxMessage.objects.filter(done_at=None).exists()
    call_command("verify_journal", stdout=StringIO())

    before = fingerprint()
    with pytest.raises(CommandError, match="empty market only"):
        call_command("replay_trial", stdout=StringIO())
    assert fingerprint() == before
