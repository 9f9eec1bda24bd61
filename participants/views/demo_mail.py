"""The embedded set-up keeps its mail in files, and shows it here. Only there."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

MOST = 100


def _files() -> list[Path]:
    folder = Path(settings.EMAIL_FILE_PATH)
    return sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)


def _read(path: Path) -> EmailMessage:
    text = path.read_bytes().split(b"\n" + b"-" * 79)[0]  # Django's mark after each message
    message = BytesParser(policy=policy.default).parsebytes(text.lstrip(b"\n"))
    assert isinstance(message, EmailMessage)  # noqa: S101  # what this policy makes
    return message


@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    if not settings.DEMO:
        raise Http404
    to = request.GET.get("to", "").strip().lower()
    found = []
    for path in _files()[: MOST * 5 if to else MOST]:
        message = _read(path)
        if to in str(message["to"]).lower():
            found.append(
                {
                    "name": path.name,
                    "to": message["to"],
                    "subject": message["subject"],
                    "date": message["date"].datetime,
                }
            )
    return render(request, "participants/mail_list.html", {"mails": found[:MOST], "to": to})


@require_safe
def mail_detail(request: HttpRequest, name: str) -> HttpResponse:
    if not settings.DEMO:
        raise Http404
    path = next((each for each in _files() if each.name == name), None)
    if path is None:
        raise Http404
    message = _read(path)
    part = message.get_body(("plain",))
    text = part.get_content() if part is not None else ""
    attached = [
        {"name": each.get_filename(), "type": each.get_content_type(), "text": _shown(each)}
        for each in message.iter_attachments()
    ]
    context = {"message": message, "text": text, "attached": attached}
    return render(request, "participants/mail_detail.html", context)


def _shown(attachment: EmailMessage) -> str:
    """Return the text of an attachment that is one: a calendar file, its lines unfolded."""
    if attachment.get_content_maintype() != "text":
        return ""
    text = str(attachment.get_content())
    return text.replace("\r\n", "\n").replace("\n ", "")
