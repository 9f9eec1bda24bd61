"""Take in a network file as a draft, read and check it at once, and say what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connections.models import Area
from core import clock
from core.errors import DomainError
from core.journal import SYSTEM
from psa import services
from psa.models import NetworkModel
from psa.running import check_model
from psa.states import NetworkFormat


class Command(BaseCommand):
    help = "Import a network model (pandapower JSON or Excel, SimBench, CGMES) as a draft."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("area", help="the study area's name")
        parser.add_argument("file", nargs="?", help="the file; none with --simbench")
        parser.add_argument("--name", default="", help="what engineers shall know the model by")
        parser.add_argument(
            "--format",
            default="",
            choices=["", *NetworkFormat.values],
            help="as the file shows, if not given",
        )
        parser.add_argument(
            "--simbench",
            default="",
            metavar="CODE",
            help="a grid of the package simbench, such as 1-MV-rural--0-sw, in place of a file",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        area = Area.objects.filter(name=options["area"]).first()
        if area is None:
            raise CommandError(f"There is no area called {options['area']!r}.")
        if bool(options["file"]) == bool(options["simbench"]):
            raise CommandError("Give a file or --simbench CODE, one of the two.")
        if options["simbench"]:
            content, file_name = _grid(options["simbench"]), f"{options['simbench']}.json"
        else:
            content, file_name = _content(options["file"]), Path(options["file"]).name
        try:
            model = services.upload_network_model(
                area_id=area.pk,
                name=options["name"] or Path(file_name).stem[:120],
                content=content,
                file_name=file_name,
                format=options["format"],
                actor=SYSTEM,
                at=clock.now(),
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        check_model(model_id=model.pk)
        self._tell(NetworkModel.objects.get(pk=model.pk))

    def _tell(self, model: NetworkModel) -> None:
        for each in [*model.found("error"), *model.found("warning")]:
            line = f"{each['severity']}: {each['message']} {each['remedy']} [{each['code']}]"
            self.stdout.write(line)
        if model.found("error"):
            raise CommandError(f"{model} is a draft that cannot be published: mend the file.")
        self.stdout.write(f"{model} is a draft. Look at it and publish it in the portal.")


def _content(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(services.LARGEST_FILE + 1)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def _grid(code: str) -> bytes:
    from psa.engine.library import NoGridError, simbench_grid

    try:
        return simbench_grid(code).encode()
    except NoGridError as error:
        raise CommandError(str(error)) from error
