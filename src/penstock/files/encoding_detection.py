"""The encoding of a file that does not declare one: UTF-8, UTF-16 or cp1252, and an error where it may be another."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from penstock.files.packing import Stream, unpacked
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError

UTF8, ASCII = "utf-8", "ascii"
_PIECE = 1 << 20
# A file that is ASCII up to here counts as UTF-8. Bytes behind it that are not become rejects.
_LOOKED_AT = 4 << 20
_MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# What no text of western Europe has: signs within words, capitals behind small letters, words of such letters alone.
_ODD = re.compile(
    "(?<=[a-z])[\u0080-\u00b6\u00b8-\u00bf\u00d7\u00f7\u201aƒ„†‡\u02c6‰\u2039•\u02dc™\u203a](?=[a-z])"
    "|(?<=[a-zà-ÿ])[À-ÖØ-ÞŠŽŸ]|[À-ÖØ-öø-ÿ]{4,}|(?<![A-Za-zÀ-ÿ])ß"
    "|[\u0080-\u009fƒ†‡\u02c6‰\u02dc¤¦¨¬¯\u00b8]"
    "|[ìòù](?=[a-z])|õ(?=[b-df-z])|ã(?=[b-df-np-rt-z])"  # Czech, Hungarian and Romanian letters, misread
)
_ODD_SHARE = 0.04
# What texts of western Europe have.
_PLAIN = re.compile(
    "(?<=[A-Za-z\u00c0-\u00ff])[\u00df-\u00f6\u00f8-\u00fe\u0153\u0161\u017e]"
    "|(?<![a-z])[\u00c0-\u00d6\u00d8-\u00de\u0160\u017d\u0152]"
    "|(?<![A-Za-z\u00c0-\u00ff])[\u00e0-\u00f6\u00f8-\u00fe](?=[a-z\u00e0-\u00fe'\\W]|\\Z)"
    "|[\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026\u20ac\u2122\u2022\u00a0-\u00a3\u00a5\u00a7\u00a9-\u00ab\u00ae"
    "\u00b0-\u00b5\u00b7\u00b9-\u00bf\u00d7\u00f7]"
)
_PLAIN_SHARE = 0.9
# Letters that no language has together: misread Turkish and Baltic texts do.
_ICELANDIC, _FOREIGN_TO_IT = frozenset("ðþÐÞ"), frozenset("çüÇÜ")
_FEW = 10
_ZEROS = 0.2
_CANDIDATES = "cp1252, cp1250, cp1251, mac_roman, cp437, shift_jis or gb18030"


@dataclass
class _Seen:
    multibyte: int = 0
    invalid: int = 0
    undefined: int = 0
    high: int = 0
    odd: int = 0
    plain: int = 0
    letters: str = ""

    def add(self, data: bytes) -> None:
        found = len(_MULTIBYTE.findall(data))
        self.multibyte += found
        self.invalid += len(_HIGH.findall(_MULTIBYTE.sub(b"", data)))
        self.undefined += len(_UNDEFINED.findall(data))
        self.high += len(_HIGH.findall(data))
        text = data.decode("cp1252", "replace")
        self.odd += sum(len(one) for one in _ODD.findall(text))
        self.plain += len(_PLAIN.findall(text))
        self.letters = "".join(sorted(set(self.letters) | set(re.findall("[À-ÿ]", text))))

    @property
    def mixed(self) -> bool:
        """Whether there are letters that no language has together."""
        letters = set(self.letters)
        return bool(letters & _ICELANDIC and letters & _FOREIGN_TO_IT)


def detect_encoding(file: StoredFile, *, western: bool) -> str:
    """The encoding that the bytes show; :data:`ASCII` where the beginning fits any.

    Args:
        western: It may be cp1252.

    Raises:
        SourceError: If it is not UTF-8, and any of several others.
    """
    with unpacked(file) as stream:
        head = _piece(stream)
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                return name
        if (wide := _wide(head)) is not None:
            return wide
        read = len(head)
        while western and head and head.isascii() and read < _LOOKED_AT:
            head = _piece(stream)
            read += len(head)
        if head.isascii():
            return ASCII
        if not western or _is_utf8(head):
            return UTF8
        return _judge(file, _seen(stream, head))


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark, by the zeros of its ASCII letters on one side alone."""
    even, odd = head[0::2].count(b"\0"), head[1::2].count(b"\0")
    if odd > _ZEROS * len(head) and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > _ZEROS * len(head) and odd == 0 else None


def _judge(file: StoredFile, seen: _Seen) -> str:
    if not seen.invalid or seen.multibyte >= seen.invalid:
        return UTF8  # with damage, which is rejected row by row
    if seen.high <= _FEW and seen.plain < _PLAIN_SHARE * seen.high:
        return UTF8  # a few damaged bytes
    strange = (
        seen.undefined
        or seen.mixed
        or seen.odd > _ODD_SHARE * seen.high
        or seen.plain < _PLAIN_SHARE * seen.high
    )
    if strange or seen.multibyte * _FEW > seen.high:
        raise SourceError(
            f"'{file.name}' is not UTF-8, and may be in any of several encodings",
            hint=f"name it: --encoding, such as {_CANDIDATES}; with --encoding utf-8 rows that are not are rejected",
        )
    return "cp1252"


def _seen(stream: Stream, head: bytes) -> _Seen:
    """What is in the file, up to a bound, cut behind lines so that no character is cut."""
    seen, read = _Seen(), len(head)
    while head:
        piece = _piece(stream) if read < 4 * _LOOKED_AT else b""
        read += len(piece)
        cut = (head.rfind(b"\n") + 1 or len(head)) if piece else len(head)
        seen.add(head[:cut])
        head = head[cut:] + piece
    return seen


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _piece(stream: Stream) -> bytes:
    data = bytearray(_PIECE)
    filled = 0
    with memoryview(data) as view:
        while filled < _PIECE:
            count = stream.readinto(view[filled:]) or 0
            if not count:
                break
            filled += count
    return bytes(data[:filled])
