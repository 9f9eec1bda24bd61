"""A mail server for tests: it takes what it is sent and keeps it, or refuses on demand."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailSink(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP (RFC 5321) as smtplib needs.

    ``refuses`` is asked for each message by its number, from 0: where it says so, the message is
    answered with 451 (try again later) and not kept. ``hangs_up`` says of each message that is
    kept when the connection is then broken: "before" its acceptance is told, "after", or not ("").
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.refuses: Callable[[int], bool] = lambda _number: False
        self.hangs_up: Callable[[int], str] = lambda _number: ""
        self.messages: list[EmailMessage] = []
        self.offered = 0
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def take(self, content: bytes) -> bool:
        """Keep a message, and tell whether it was accepted."""
        with self._lock:
            number = self.offered
            self.offered += 1
            if self.refuses(number):
                return False
            self.messages.append(message_from_bytes(content, policy=policy.default))
            return True

    def subjects_to(self, address: str) -> list[str]:
        return [str(each["Subject"]) for each in list(self.messages) if address in str(each["To"])]


class _Session(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self._say("354 go on")
                number = self.server.offered
                accepted = self.server.take(b"".join(self._content()))
                broken = self.server.hangs_up(number) if accepted else ""
                if broken == "before":
                    return
                self._say("250 kept" if accepted else "451 not now")
                if broken:
                    return
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _content(self) -> Iterator[bytes]:
        while (line := self.rfile.readline()) not in {b"", b".\r\n"}:
            yield line.removeprefix(b".")  # a leading dot is sent twice

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    with MailSink() as sink:
        thread = threading.Thread(target=sink.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()
