"""An answer of ``http.client``, read strictly: an answer that can be read in two ways is refused.

``http.client`` takes signs and underscores for digits, passes over broken headers, and lets a length and chunks stand beside each
other. Its limits are too wide as well: the body has the bound of its call, and everything around it counts against another.
"""

from __future__ import annotations

import io
import re
import socket
from http.client import HTTPMessage, HTTPResponse
from typing import Any

from airflow_provider_iyzico.hooks.attempt import current_attempt

MAX_FRAMING_BYTES = 64 * 1024
MAX_INTERIM_ANSWERS = 10

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\Z")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\Z")


class FramingError(Exception):
    """What came is not one HTTP/1.1 answer within the limits. The message ends "it answered with ...".

    It is no ``HTTPException``, so ``urllib3`` and ``requests`` let it pass as it is.
    """


class StrictResponse(HTTPResponse):
    """One answer, or an exception.

    :raises FramingError: it is not one
    :raises EOFError: it broke off
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._socket = sock
        self._source = _Source(self.fp.detach())
        self.fp = io.BufferedReader(self._source)
        self._framing_bytes = MAX_FRAMING_BYTES

    def begin(self) -> None:
        """Read the head of the final answer; interim ones are skipped."""
        for _ in range(MAX_INTERIM_ANSWERS + 1):
            is_http_1_0 = self._read_status_line()
            if self.status == 101:
                raise FramingError("a switch to another protocol")
            self.headers = self.msg = HTTPMessage()
            try:
                self._read_headers(self.headers)
                if self.status >= 200:
                    return self._frame(is_http_1_0)
            except FramingError:
                if not is_refusal(self.status):
                    raise
                return self._leave_body_unread()
        raise FramingError("one interim answer after the other")

    def is_followed(self) -> bool:
        """Tell whether more bytes came than were read. Nothing can be read afterwards."""
        self._source.is_over = True
        return bool(self.fp.peek(1))

    def _close_conn(self) -> None:
        if self.is_followed():  # the rest must not answer the next request, so this connection is not used again
            self._socket.close()
        super()._close_conn()  # type: ignore[misc] # http.client's, which the stubs do not know

    def _read_status_line(self) -> bool:
        """Read the status, and tell whether the answer is HTTP/1.0."""
        first = self.fp.peek(1)[:5]
        if not b"HTTP/".startswith(first):
            raise FramingError("something that is not HTTP")
        match = _STATUS_LINE.match(self._line())
        if match is None:
            raise FramingError("a status line that is not one of HTTP/1.1")
        is_http_1_0 = match[1] == b"0"
        self.version = 10 if is_http_1_0 else 11
        self.code = self.status = int(match[2])
        self.reason = (match[3] or b"").decode("latin-1")
        return is_http_1_0

    def _read_headers(self, headers: HTTPMessage) -> None:
        while line := self._line():
            name, colon, value = line.partition(b":")
            if not (colon and _NAME.match(name) and _VALUE.match(value)):
                raise FramingError("a header that is not one")
            headers[name.decode("ascii")] = value.strip(b" \t").decode("latin-1")

    def _frame(self, is_http_1_0: bool) -> None:
        """Find out where the body ends, and whether another answer may follow."""
        encodings = self.headers.get_all("Transfer-Encoding", [])
        self.length = self._content_length()
        self.chunked, self.chunk_left = bool(encodings), None
        if encodings and (self.length is not None or is_http_1_0):
            raise FramingError("a Transfer-Encoding where there must be none")
        if encodings and [encoding.lower() for encoding in encodings] != ["chunked"]:
            raise FramingError("a Transfer-Encoding other than chunked")
        if self.status in (204, 304):
            self.chunked, self.length = False, 0
        is_closed = any("close" in value.lower() for value in self.headers.get_all("Connection", []))
        self.will_close = is_closed or is_http_1_0 or not (self.chunked or self.length is not None)

    def _leave_body_unread(self) -> None:
        """End an answer after its head. What follows is not read, and the connection is not used again."""
        del self.headers["Content-Length"], self.headers["Transfer-Encoding"]
        self.chunked, self.chunk_left, self.length, self.will_close = False, None, 0, True

    def _content_length(self) -> int | None:
        lengths = {one.strip(" \t") for value in self.headers.get_all("Content-Length", []) for one in value.split(",")}
        if not lengths:
            return None
        if len(lengths) > 1 or not _LENGTH.match(written := lengths.pop()):
            raise FramingError("a Content-Length that is not one number")
        return bounded(int(written))

    def _get_chunk_left(self) -> int | None:
        """Return how much is left of this chunk, or else the size of the next one, or nothing after the last."""
        if not self.chunk_left:
            if self.chunk_left is not None and self._safe_read(2) != b"\r\n":  # type: ignore[attr-defined] # http.client's
                raise FramingError("a chunk that is longer than it says")
            self.chunk_left = self._chunk_size() or None
            if self.chunk_left is None:
                self._read_headers(HTTPMessage())  # the trailer
                self._close_conn()
        return self.chunk_left

    def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.match(self._line())
        if match is None:
            raise FramingError("a chunk size that is not one")
        return bounded(int(match[1], 16))

    def _line(self) -> bytes:
        """Return the next line without its end."""
        line = self.fp.readline(self._framing_bytes + 1)
        self._framing_bytes -= len(line)
        if self._framing_bytes < 0:
            raise FramingError(f"more than {MAX_FRAMING_BYTES} bytes of headers")
        if line.endswith(b"\r\n"):
            return line[:-2]
        if line.endswith(b"\n"):
            raise FramingError("a line that does not end as HTTP's do")
        raise EOFError("the answer broke off")


class _Source(io.RawIOBase):
    """The bytes of a socket, up to the end of the answer."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return 0 if self.is_over else self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def is_refusal(status: int) -> bool:
    """Tell whether the status rules out a success. It is believed even if the rest of the answer cannot be read."""
    return status >= 300


def bounded(size: int) -> int:
    """Return the size of a body, or of a part of it, if the attempt allows that much.

    :raises FramingError: it does not
    """
    if size > (limit := current_attempt.get().max_body_bytes):
        raise FramingError(f"more than {limit} bytes")
    return size
