"""Publish a checked draft of a network model, at once or from a half-hour to come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.errors import DomainError, RefusedError
from core.journal import SYSTEM
from core.periods import LONDON
from psa import services
from psa.models import NetworkModel
from psa.stretches import moment


class Command(BaseCommand):
    help = "Publish a checked draft of a network model."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("area", help="the study area's name")
        parser.add_argument("version", type=int, help="the draft's number")
        parser.add_argument(
            "--from",
            dest="valid_from",
            default="",
            metavar="TIME",
            help="from when it applies, as 2026-06-12T00:00, local time unless it says an offset; "
            "the current half-hour if not given",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        models = NetworkModel.objects.filter(area__name=options["area"], version=options["version"])
        model = models.only("pk").first()
        if model is None:
            raise CommandError(
                f"There is no version {options['version']} of a network model of "
                f"{options['area']!r}."
            )
        try:
            published = services.publish_network_model(
                model_id=model.pk,
                valid_from=_instant(options["valid_from"]),
                actor=SYSTEM,
                at=clock.now(),
            )
        except RefusedError as refused:
            raise CommandError(" ".join(each.message for each in refused.refusals)) from refused
        except DomainError as error:
            raise CommandError(error.message) from error
        assert published.valid_from is not None  # noqa: S101  # published: it has one
        self.stdout.write(f"{published} is in force from {moment(published.valid_from)}.")


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no time: write it as 2026-06-12T00:00.") from error
    return found if found.tzinfo else found.replace(tzinfo=LONDON)
