from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def committed(transactional_db: None) -> Iterator[None]:
    """Really commit. Afterwards Django truncates all tables, which the journal would refuse."""
    set_role = "SET session_replication_role = {}"
    connection.cursor().execute(set_role.format("origin"))
    yield
    connection.cursor().execute(set_role.format("replica"))
