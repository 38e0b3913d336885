"""HTTP/1.1 answers, read strictly: what can be read in two ways is not read at all.

A balance is a hundred bytes. So the limits are far below what a browser would take, and everything around the body counts
against one of them: status lines, headers, chunk sizes, trailers and interim answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_BODY_BYTES = 1024 * 1024
MAX_FRAMING_BYTES = 64 * 1024
MAX_INTERIM_ANSWERS = 10

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\Z")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\Z")


class FramingError(Exception):
    """What came is not one HTTP/1.1 answer within the limits. The message ends "it answered with ..."."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; names are in lower case, and a header that came twice has both values.

    :param is_kept: whether the server leaves the connection open after a body whose end is known
    """

    status: int
    headers: dict[str, str]
    is_kept: bool
    is_http_1_0: bool


class Reader:
    """Takes lines and bodies off a stream.

    :param receive: returns at least one byte, or nothing at the end
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._unread = bytearray()
        self._framing_bytes = MAX_FRAMING_BYTES

    @property
    def is_empty(self) -> bool:
        return not self._unread

    def start(self) -> None:
        """Begin with the next answer."""
        self._framing_bytes = MAX_FRAMING_BYTES

    def line(self) -> bytes:
        """Return the next line without its end."""
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0 and len(self._unread) < self._framing_bytes:
            searched = len(self._unread)
            self._fill()
        self._framing_bytes -= end + 1
        if end < 0 or self._framing_bytes < 0:
            raise FramingError(f"more than {MAX_FRAMING_BYTES} bytes of headers")
        line = self._take(end + 1)
        if not line.endswith(b"\r\n"):
            raise FramingError("a line that does not end as HTTP's do")
        return line[:-2]

    def exactly(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._fill()
        return self._take(count)

    def rest(self, limit: int) -> bytes:
        """Return all until the end of the stream, or more than ``limit`` bytes."""
        try:
            while len(self._unread) <= limit:
                self._fill()
        except EOFError:
            pass
        return self._take(len(self._unread))

    def begins_with(self, prefix: bytes) -> bool:
        while len(self._unread) < len(prefix) and prefix.startswith(self._unread):
            self._fill()
        return self._unread.startswith(prefix)

    def _fill(self) -> None:
        received = self._receive()
        if not received:
            raise EOFError("the answer broke off")
        self._unread += received

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken


def read_head(reader: Reader) -> Head:
    """Read the head of the final answer; interim ones are skipped.

    :raises FramingError: it is not one
    :raises EOFError: it broke off
    """
    reader.start()
    for _ in range(MAX_INTERIM_ANSWERS + 1):
        head = _read_one_head(reader)
        if head.status == 101:
            raise FramingError("a switch to another protocol")
        if head.status >= 200:
            return head
    raise FramingError("one interim answer after the other")


def read_body(reader: Reader, head: Head) -> bytes:
    """Read what follows a head, to the end that it announces.

    :raises FramingError: that end is not clear, or it is more than the limit
    :raises EOFError: it broke off
    """
    if head.status in (204, 304):
        return b""
    if "transfer-encoding" in head.headers:
        return _read_chunks(reader, head)
    length = _length(head)
    if length is None:
        return _within_limit(reader.rest(MAX_BODY_BYTES))
    if length > MAX_BODY_BYTES:
        raise _too_much()
    return reader.exactly(length)


def _read_one_head(reader: Reader) -> Head:
    if not reader.begins_with(b"HTTP/"):
        raise FramingError("something that is not HTTP")
    match = _STATUS_LINE.match(reader.line())
    if match is None:
        raise FramingError("a status line that is not one of HTTP/1.1")
    headers = _read_headers(reader)
    is_http_1_0 = match[1] == b"0"
    is_closed = "close" in headers.get("connection", "").lower()
    is_framed = "content-length" in headers or "transfer-encoding" in headers
    return Head(int(match[2]), headers, is_framed and not is_http_1_0 and not is_closed, is_http_1_0)


def _read_headers(reader: Reader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := reader.line():
        name, colon, value = line.partition(b":")
        if not (colon and _NAME.match(name) and _VALUE.match(value)):
            raise FramingError("a header that is not one")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _length(head: Head) -> int | None:
    written = head.headers.get("content-length")
    if written is None:
        return None
    lengths = {length.strip(" \t") for length in written.split(",")}
    if len(lengths) != 1 or not _LENGTH.match(length := lengths.pop()):
        raise FramingError("a Content-Length that is not one number")
    return int(length)


def _read_chunks(reader: Reader, head: Head) -> bytes:
    if "content-length" in head.headers or head.is_http_1_0:
        raise FramingError("a Transfer-Encoding where there must be none")
    if head.headers["transfer-encoding"].lower() != "chunked":
        raise FramingError("a Transfer-Encoding other than chunked")
    body = bytearray()
    while size := _chunk_size(reader):
        if len(body) + size > MAX_BODY_BYTES:
            raise _too_much()
        body += reader.exactly(size)
        if reader.exactly(2) != b"\r\n":
            raise FramingError("a chunk that is longer than it says")
    _read_headers(reader)  # the trailer
    return bytes(body)


def _chunk_size(reader: Reader) -> int:
    match = _CHUNK_SIZE.match(reader.line())
    if match is None:
        raise FramingError("a chunk size that is not one")
    return int(match[1], 16)


def _within_limit(body: bytes) -> bytes:
    if len(body) > MAX_BODY_BYTES:
        raise _too_much()
    return body


def _too_much() -> FramingError:
    return FramingError(f"more than {MAX_BODY_BYTES} bytes")
