"""Messages and their translations in catalogues of GNU gettext: .po, and .mo, which is what a program loads.

See the manual of GNU gettext, "The Format of PO Files" and "The Format of GNU MO Files".
"""

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sequence_lab.data.own import reading

LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d+\])\s+)?"((?:[^"\\]|\\.)*)"')
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
MAGIC = 0x950412DE
CONTEXT, PLURAL = "\x04", "\x00"  # what stands after a context, and between singular and plural


class Message(NamedTuple):
    """A text, its translation, and where it is."""

    source: str
    target: str
    where: str


def messages(path: Path, encoding: str) -> list[Message]:
    """What is translated in a catalogue, without its header, fuzzy, obsolete and empty entries.

    Of a message with plural forms the singular goes with the first form of the translation, the plural with the last
    one. Contexts are left out. A .mo knows of no fuzzy ones: it was made without them.

    Raises:
      ValueError: the file is no catalogue, or not in that encoding; names it and the line.
    """
    entries = _compiled(path, encoding) if reading.kind(path) == ".mo" else _written(path, encoding)
    found = []
    for sources, targets, where in entries:
        pairs = [(sources[0], targets[0]), *([(sources[1], targets[-1])] if len(sources) > 1 else [])]
        found += [Message(source, target, where) for source, target in pairs if source and target]
    return found


Entry = tuple[list[str], list[str], str]


def _written(path: Path, encoding: str) -> Iterator[Entry]:
    """The entries of a .po: keywords, each with a string that may go on in the lines below it."""
    fields: dict[str, str] = {}
    keyword, fuzzy, flagged, where = "", False, False, ""
    for number, line in enumerate(reading.lines(path, encoding), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            flagged |= text.startswith("#,") and "fuzzy" in text
            continue
        found = LINE.fullmatch(text)
        if found is None or not (found[1] or keyword):
            raise ValueError(f'{path}, line {number} is {text[:40]!r}; allowed: a comment, msgid "..." or msgstr "..."')
        if found[1]:
            keyword = found[1]
            if keyword in ("msgctxt", "msgid") and "msgid" in fields:
                yield from _entry(fields, fuzzy, where)
                fields = {}
            if not fields:
                fuzzy, flagged, where = flagged, False, f"{path}, line {number}"
        fields[keyword] = fields.get(keyword, "") + re.sub(r"\\(.)", lambda e: ESCAPES.get(e[1], e[1]), found[2])
    if fields:
        yield from _entry(fields, fuzzy, where)


def _entry(fields: Mapping[str, str], fuzzy: bool, where: str) -> Iterator[Entry]:
    """The entry of these fields, unless it is fuzzy or the header, whose msgid is empty."""
    targets = [text for keyword, text in fields.items() if keyword.startswith("msgstr")]
    if "msgid" not in fields or not targets:
        raise ValueError(f"{where} has {', '.join(fields)}; allowed: msgid and msgstr")
    if not fuzzy and fields["msgid"]:
        yield [fields[name] for name in ("msgid", "msgid_plural") if name in fields], targets, where


def _compiled(path: Path, encoding: str) -> Iterator[Entry]:
    """The entries of a .mo: a table of lengths and offsets for the messages, and one for the translations."""
    content = reading.content(path)
    order = {struct.pack(order + "I", MAGIC): order for order in "<>"}.get(content[:4])
    if order is None:
        raise ValueError(f"{path} begins with {content[:4]!r}; allowed: the first bytes of a .mo file")

    def texts(table: int, number: int) -> list[str]:
        length, start = struct.unpack_from(f"{order}2I", content, table + 8 * number)
        (raw,) = struct.unpack_from(f"{length}s", content, start)
        return raw.decode(encoding).split(CONTEXT)[-1].split(PLURAL)

    try:
        count, sources, targets = struct.unpack_from(f"{order}3I", content, 8)
        for number in range(count):
            source = texts(sources, number)
            if source != [""]:
                yield source, texts(targets, number), f"{path}, message {number + 1}"
    except struct.error as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not {encoding}; allowed: dataset.encoding as the file's") from error
