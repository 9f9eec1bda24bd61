"""Forms that call a service: its refusals become errors, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.forms import BaseForm, ModelChoiceField
from django.http import HttpRequest

from core import clock
from core.errors import DomainError, Refusal, RefusedError
from core.periods import in_words
from core.retry import retried
from core.web.actors import actor_of

R = TypeVar("R")


def refuse(form: BaseForm, error: DomainError) -> None:
    """Show an error beside the fields it names, or at the top."""
    if not isinstance(error, RefusedError):
        form.add_error(None, error.message)
        return
    for refusal in error.refusals:
        field = refusal.field if refusal.field in form.fields else None
        form.add_error(field, explained(refusal))


def explained(refusal: Refusal) -> str:
    """Return a refusal's message, with every period where there is more than the one it names."""
    if len(refusal.periods) <= 1:
        return refusal.message
    shown = "; ".join(in_words(period) for period in refusal.periods[:5])
    more = len(refusal.periods) - 5
    return f"{refusal.message} Periods: {shown}" + (f"; and {more} more." if more > 0 else ".")


def attempt(form: BaseForm, service: Callable[..., R], **kwargs: Any) -> tuple[R | None, int]:
    """Call a service for a valid form; return its result and the HTTP status of the page."""
    try:
        return retried(service, **kwargs), 200
    except DomainError as error:
        refuse(form, error)
        return None, error.status


def handed_in(
    request: HttpRequest, form: BaseForm, service: Callable[..., R], **kwargs: Any
) -> tuple[R | None, int]:
    """Call a service with what a form was sent with, by who sent it and now.

    Return its result, or None if the form or the service says no, and the status of the page.
    """
    if not form.is_valid():
        return None, status_of(form)
    acts = {"actor": actor_of(request.user), "at": clock.now()}
    return attempt(form, service, **kwargs, **form.cleaned_data, **acts)


def status_of(form: BaseForm) -> int:
    """Return the status of the page of an invalid form.

    404 if it names a row that isn't there, or isn't for this person to see; 422 otherwise.
    """
    unseen = any(
        form.has_error(name, "invalid_choice")
        for name, field in form.fields.items()
        if isinstance(field, ModelChoiceField)
    )
    return 404 if unseen else 422
