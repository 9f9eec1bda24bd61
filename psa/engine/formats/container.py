"""A zip file from outside. Nothing is unpacked to where its names point, and nothing beyond a size.

Names and sizes that a zip's directory claims are checked before a byte is unpacked; what is
unpacked is counted again.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from io import BytesIO

from psa.engine.errors import EngineInputError

MOST_MEMBERS = 500
LARGEST_MEMBER = 256 * 1024 * 1024
LARGEST_TOTAL = 512 * 1024 * 1024
MOST_RATIO = 200  # unpacked to packed: tables reach some 50
SMALL = 1024 * 1024  # of which a ratio says nothing
LONGEST_NAME = 240
ENCRYPTED = 0x1


class Container:
    """The files of a zip, by name.

    :raises EngineInputError: if it is none, or one that no honest program writes
    """

    def __init__(self, content: bytes) -> None:
        self.whole = content
        try:
            self._zip = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise EngineInputError(f"This is no sound zip file: {error}.") from error
        members = [each for each in self._zip.infolist() if not each.is_dir()]
        if len(members) > MOST_MEMBERS:
            raise EngineInputError(
                f"This zip file holds {len(members):,} files; {MOST_MEMBERS} are the most."
            )
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            _check(member)
            if member.filename in self._members:
                raise EngineInputError(f"This zip file holds {member.filename!r} twice.")
            self._members[member.filename] = member
        self._unpacked = 0

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def read(self, name: str) -> bytes:
        """Unpack one file.

        :raises EngineInputError: if it is too large, packed too well, or broken
        """
        member = self._members[name]
        if member.file_size > LARGEST_MEMBER:
            raise EngineInputError(f"{name} unpacks to more than {_mb(LARGEST_MEMBER)}.")
        if member.file_size > max(SMALL, MOST_RATIO * member.compress_size):
            raise EngineInputError(f"{name} unpacks to {MOST_RATIO} times its size and more.")
        try:
            with self._zip.open(member) as file:
                data = file.read(LARGEST_MEMBER + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise EngineInputError(f"{name} cannot be unpacked: {error}.") from error
        self._unpacked += len(data)
        if len(data) > LARGEST_MEMBER or self._unpacked > LARGEST_TOTAL:
            raise EngineInputError(f"This zip file unpacks to more than {_mb(LARGEST_TOTAL)}.")
        return data


def _check(member: zipfile.ZipInfo) -> None:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if (
        not name
        or name.startswith(("/", "\\"))
        or ".." in parts
        or ":" in name
        or "\x00" in member.orig_filename
        or len(name) > LONGEST_NAME
    ):
        raise EngineInputError(f"This zip file holds a name that leads elsewhere: {name[:80]!r}.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise EngineInputError(f"This zip file holds a link, {name!r}.")
    if member.flag_bits & ENCRYPTED:
        raise EngineInputError(f"{name!r} in this zip file is encrypted.")
    if name.lower().endswith((".zip", ".7z", ".gz", ".tar", ".rar", ".xz", ".bz2")):
        raise EngineInputError(
            f"This zip file holds another archive, {name!r}. Put the files into one zip."
        )


def _mb(size: int) -> str:
    return f"{size // (1024 * 1024)} MB"


def refuse_declarations(name: str, data: bytes) -> None:
    """Refuse XML that declares entities or a document type, or whose encoding could hide them.

    :raises EngineInputError: if it does
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4096]:
        raise EngineInputError(f"{name} is not UTF-8.")
    head = data[:200].lower()
    if b"encoding" in head and b"utf-8" not in head and b"us-ascii" not in head:
        raise EngineInputError(f"{name} is not UTF-8.")
    upper = data.upper()
    if b"<!DOCTYPE" in upper or b"<!ENTITY" in upper:
        raise EngineInputError(f"{name} declares a document type or entities. Take them out.")
