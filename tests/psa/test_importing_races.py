"""Two people who publish one file at the same moment."""

from __future__ import annotations

import pytest
from django.apps import apps

from core.journal import SYSTEM, Actor
from participants.states import Role
from psa import services
from psa.models import ForecastUpload, ForecastVersion
from tests.psa.world import AT, make_world
from tests.races import at_once
from tests.wsc.market import make_engineer

pytestmark = pytest.mark.django_db(
    transaction=True, available_apps=[config.name for config in apps.get_app_configs()]
)


def test_one_file_is_published_once() -> None:
    world = make_world(with_model=False, with_forecasts=False)
    upload = services.keep_forecast_file(
        area_id=world.area.pk,
        kind="OPERATIONAL",
        case="CENTRAL",
        source="test",
        data=b"point,starts_at,net_kw\nFarm,2026-12-07T00:00Z,1\n",
        file_name="f.csv",
        actor=Actor(make_engineer(Role.MANAGER).pk),
        at=AT,
    )

    def publish() -> object:
        return services.publish_forecast_upload(upload_id=upload.pk, actor=SYSTEM, at=AT)

    assert at_once(publish, publish, publish) == ["done"] + ["forecast_file_published"] * 2
    assert ForecastUpload.objects.get().version == ForecastVersion.objects.get()
