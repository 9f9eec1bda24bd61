"""Open the demo's log-ins, and say who can log in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from participants.models import Organisation
from participants.states import OrganisationKind
from trial import people


class Command(BaseCommand):
    help = "Give the trial's people their public password (demo only), and list them."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the embedded set-up (DEMO=1) has public passwords.")
        people.open_the_demo()
        self.stdout.write(f"Everybody's password is {people.PASSWORD}")
        self.stdout.write(f"  {people.ENGINEER:45} DSO engineer, at /dso/")
        self.stdout.write(f"  {people.MANAGER:45} DSO manager, at /dso/")
        self.stdout.write(f"  {people.BILLING:45} DSO billing, reads the register, at /sites/")
        self.stdout.write(f"  {people.CONSULTANT:45} prepares Battery operator's application")
        for peer in (
            Organisation.objects.filter(kind=OrganisationKind.PEER, memberships__user__is_demo=True)
            .distinct()
            .order_by("pk")
        ):
            self.stdout.write(f"  {people.email_of(peer.name):45} trades for {peer.name}")
        self.stdout.write("  administrator@... signs and manages members, viewer@... only looks.")
