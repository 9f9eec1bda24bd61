"""Notices that were issued before the texts of notices were kept."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from connections.documents import NO_TEXT
from connections.models import Tcvn
from core.models import window_columns
from tests.nmf.world import AT, WINDOW, make_world

pytestmark = pytest.mark.django_db


def test_a_notice_without_a_text_says_so_on_its_page_and_gives_none(client: Client) -> None:
    peer = make_world().rival
    tcvn = Tcvn.objects.create(
        site=peer.site,
        direction="IMPORT",
        capacity_kw=60,
        state="IN_FORCE",
        number="TCVN-2025-00001",
        document_hash="a" * 64,
        created_by=peer.user,
        created_at=AT,
        **window_columns(WINDOW),
    )
    client.force_login(peer.user, backend="participants.auth.RoleBackend")

    page = client.get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()
    file = client.get(reverse("connections:notice", args=[tcvn.pk]))

    assert NO_TEXT in page
    assert "a" * 64 in page
    assert file.status_code == 409
    assert NO_TEXT in file.content.decode()
