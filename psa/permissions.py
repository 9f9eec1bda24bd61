"""Who may publish a study's inputs and ask for studies."""

from __future__ import annotations

from core.errors import NotPermittedError
from core.journal import Actor
from participants.models import User


def check_may(actor: Actor, permission: str) -> None:
    """Let the system pass, and people who have the Django permission.

    :raises NotPermittedError: if the person has not
    """
    if actor.user_id is None:
        return
    user = User.objects.get(pk=actor.user_id)
    if not user.has_perm(permission):
        raise NotPermittedError("psa.not_permitted", "Your role in the DSO does not allow this.")
