"""A loopback server for the http provider's triggers: it says "not yet" until it is opened, and counts what it was asked.

It speaks just enough HTTP to cost next to nothing. ``/simulator`` is the same door as the simulator's: GET counts, POST opens.
"""

from __future__ import annotations

import asyncio
import json


class Answers(asyncio.Protocol):
    requests = 0
    is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.unread = b""

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while b"\r\n\r\n" in self.unread:
            head, _, rest = self.unread.partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
            if len(rest) < length:
                return
            self.unread = rest[length:]
            self.transport.write(self.answer(*lines[0].split()[:2]))

    def answer(self, method: str, path: str) -> bytes:
        everybody = type(self)
        if path.startswith("/simulator"):
            everybody.is_open |= method == "post"
            return whole("200 OK", {"requests": everybody.requests})
        everybody.requests += 1
        if path.startswith("/missing") and not everybody.is_open:
            return whole("404 Not Found", {})
        return whole("200 OK", {"is_open": everybody.is_open})


def whole(status: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=4096)
    print(f"listening at http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
