"""XML that came from outside, as a stream: no document type, no entities, no endless pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any
from xml.parsers.expat import ExpatError, ParserCreate

from eldermall.reports.sources.cells import unreadable

_CHUNK = 65_536
_LONGEST = 2**20

Begun = Callable[[str, Mapping[str, str]], None]
"""Told the local name of an element and its attributes by local name."""


def local(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]


def walk(
    stream: IO[Any], path: object, begun: Begun, ended: Callable[[str], None],
    text: Callable[[str], None], most: int,
) -> Iterator[None]:
    """Read XML, and yield after each piece of it.

    Args:
        stream: bytes, or text.
        path: the file's, for errors.
        begun: told of each element, with names without prefixes.
        ended: told of each element's end.
        text: told of text between.
        most: how many bytes or signs are read.

    Raises:
        FileUnreadable: it is no XML, has a document type, or a piece of it is too long.
    """
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: begun(
        local(name), {local(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: ended(local(name))
    parser.CharacterDataHandler = text

    def refuse(*_: object) -> None:
        raise unreadable(path, "的 XML 带有 DOCTYPE，不予读取", ": its XML has a DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    fed = 0
    try:
        while chunk := stream.read(_CHUNK):
            if isinstance(chunk, str):
                chunk = chunk.encode("utf-8", "surrogatepass")
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed > most:
                raise unreadable(
                    path, f"解压后超过 {most // 2**20} MiB",
                    f": holds more than {most // 2**20} MiB when unpacked",
                )
            if fed - max(parser.CurrentByteIndex, 0) > _LONGEST + _CHUNK:
                raise unreadable(
                    path, f"的 XML 中有超过 {_LONGEST} 字节的标记",
                    f": a piece of its XML is longer than {_LONGEST} bytes",
                )
            yield
        parser.Parse(b"", True)
    except ExpatError as error:
        raise unreadable(
            path, f"的 XML 已损坏：{error}", f" is damaged XML: {error}"
        ) from error
    yield
