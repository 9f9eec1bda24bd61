"""Let the trial's study area be decided automatically, as in the trial's later phase."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from core import clock
from trial import people
from trial.loading import study_area
from wsc.queries import current_policy
from wsc.services import publish_policy
from wsc.states import Mode


class Command(BaseCommand):
    help = "Publish an automatic policy for the trial's area, unless it has one."

    def handle(self, *_args: Any, **_options: Any) -> None:
        area = study_area()
        if current_policy(area.pk).mode != Mode.AUTOMATIC:
            publish_policy(
                area_id=area.pk,
                mode=Mode.AUTOMATIC,
                actor=people.actor_of(people.MANAGER),
                at=clock.now(),
            )
        self.stdout.write("The area is decided automatically.")
