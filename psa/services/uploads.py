"""Files of forecasts: kept, looked at, published whole or not at all."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from core import journal
from core.errors import RefusedError, WrongStateError
from participants.permissions import check_may
from psa.forecast_files import refusals_of_size
from psa.importing import Preview, preview
from psa.models import ForecastUpload, ForecastVersion
from psa.services.forecasts import publish_forecast

KEPT = timedelta(days=7)  # a file that nobody published


def look_at_forecast_file(
    *, area_id: int, case: str, data: bytes, actor: journal.Actor, at: datetime
) -> Preview:
    """Tell what a file would bring, and every row that is wrong. Nothing is written."""
    check_may(actor, "psa.add_forecastversion")
    return preview(area_id=area_id, case=case, data=data, at=at)


def publish_forecast_file(
    *,
    area_id: int,
    kind: str,
    case: str,
    source: str,
    data: bytes,
    file_name: str,
    actor: journal.Actor,
    at: datetime,
    issued_at: datetime | None = None,
) -> ForecastVersion:
    """Publish an issue from a CSV file (``psa.forecast_files``).

    :raises RefusedError: with the file's first faults, and the count of the rest
    """
    found = look_at_forecast_file(area_id=area_id, case=case, data=data, actor=actor, at=at)
    if found.fault_count:
        raise RefusedError(found.refusals())
    return publish_forecast(
        area_id=area_id,
        kind=kind,
        case=case,
        source=source,
        rows=found.rows,
        actor=actor,
        at=at,
        issued_at=issued_at,
        file_name=file_name,
        sha256=sha256(data).hexdigest(),
    )


@transaction.atomic
def keep_forecast_file(
    *,
    area_id: int,
    kind: str,
    case: str,
    source: str,
    data: bytes,
    file_name: str,
    actor: journal.Actor,
    at: datetime,
    issued_at: datetime | None = None,
) -> ForecastUpload:
    """Keep a file so that it can be looked at before it is published. No forecast changes.

    :raises RefusedError: if it is larger than a file may be
    """
    check_may(actor, "psa.add_forecastversion")
    if refusals := refusals_of_size(len(data)):
        raise RefusedError(refusals)
    ForecastUpload.objects.filter(version=None, uploaded_at__lt=at - KEPT).delete()
    return ForecastUpload.objects.create(
        area_id=area_id,
        kind=kind,
        case=case,
        source=source,
        issued_at=issued_at,
        file_name=file_name,
        sha256=sha256(data).hexdigest(),
        content=gzip.compress(data),
        uploaded_at=at,
        uploaded_by_id=actor.person(),
    )


@transaction.atomic
def publish_forecast_upload(
    *, upload_id: int, actor: journal.Actor, at: datetime
) -> ForecastVersion:
    """Publish a file that was kept.

    :raises WrongStateError: if it has been published already
    :raises RefusedError: if a row of it is wrong; then nothing is written
    """
    upload = ForecastUpload.objects.select_for_update(of=("self",)).get(pk=upload_id)
    if upload.version_id is not None:
        raise WrongStateError("forecast_file_published", "This file is published already.")
    version = publish_forecast_file(
        area_id=upload.area_id,
        kind=upload.kind,
        case=upload.case,
        source=upload.source,
        issued_at=upload.issued_at,
        data=upload.data(),
        file_name=upload.file_name,
        actor=actor,
        at=at,
    )
    upload.version = version
    upload.save(update_fields=["version"])
    return version
