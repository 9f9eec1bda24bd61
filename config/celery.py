"""The Celery application: carries the outbox's tasks in production."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.loaders.app import AppLoader
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from config import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Loader(AppLoader):
    """Ends a command with the sentence about the setting that is missing, not with a traceback."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:  # noqa: FBT001, FBT002
        try:
            return super().config_from_object(obj, silent=silent)
        except ImproperlyConfigured as error:
            raise SystemExit(str(error)) from None


app = Celery("capacity", loader="config.celery:Loader")  # by name: Django's fixup reads it
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe_start(**_signal: Any) -> None:
    """Keep workers and beat from starting where the web process would refuse to."""
    try:
        checks.refuse_unsafe_start()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None  # anything less, Celery would log and pass over
