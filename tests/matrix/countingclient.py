"""
A SPDY client that keeps count: what arquillian-cube's Undertow does.

``python -m tests.matrix.countingclient URL LOCAL:REMOTE...``.  It sends SETTINGS
first, pseudo headers with every stream, no protocol header with the upgrade,
holds itself to 64 KiB windows and the gateway to its own, and sends WINDOW_UPDATE
for what it has taken (docs/protocol.rst, section 1.6).  A window of the gateway's
that is overdrawn, and one that is not refilled, are faults.

The frames are packed by hand, from draft-mbelshe-httpbis-spdy-00 and the window
of SPDY/3.1, so nothing of ours reads what we wrote.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import zlib
from pathlib import Path

import spdygate
from tests.matrix.locals import address, run

_WIRE = Path(spdygate.__file__).parent / "wire"
_DICTIONARY = (_WIRE / "spdy3-dictionary.bin").read_bytes()

WINDOW = 64 * 1024
SYN_STREAM, SYN_REPLY, RST, SETTINGS, PING, GOAWAY, HEADERS, UPDATE = (
    *(1, 2, 3, 4),
    *(6, 7, 8, 9),
)
FIN = 1


class Stream:
    """
    One stream, with the two windows that we keep.

    :ivar credit: bytes that we may send.
    :ivar room: bytes that the gateway may send.
    """

    def __init__(self) -> None:
        self.credit = WINDOW
        self.room = WINDOW
        self.replied = asyncio.get_running_loop().create_future()
        self.more = asyncio.Event()
        self.data: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """End the stream."""
        self.error = error
        if not self.replied.done():
            self.replied.set_exception(error)
        self.more.set()
        self.data.put_nowait(None)


class Connection:
    """The one SPDY connection, and the windows of the session on stream 0."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, _DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)
        self._next = 1
        self._request = 0
        self.session = Stream()
        self.streams: dict[int, Stream] = {}

    # -- sending -----------------------------------------------------------------

    def control(self, kind: int, payload: bytes, flags: int = 0) -> None:
        """Write a control frame."""
        head = struct.pack("!HHI", 0x8003, kind, flags << 24 | len(payload))
        self._writer.write(head + payload)

    def settings(self) -> None:
        """Say what window each stream has: as Undertow, before all else."""
        self.control(SETTINGS, struct.pack("!III", 1, 7, WINDOW))

    def syn(self, headers: dict[str, str]) -> tuple[int, Stream]:
        """Open a stream."""
        number, self._next = self._next, self._next + 2
        block = struct.pack("!I", len(headers))
        for name, value in headers.items():
            for word in (name.encode(), value.encode()):
                block += struct.pack("!I", len(word)) + word
        packed = self._deflate.compress(block)
        packed += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        stream = self.streams[number] = Stream()
        self.control(SYN_STREAM, struct.pack("!IIH", number, 0, 0) + packed)
        return number, stream

    async def pair(self, port: int) -> tuple[int, Stream, Stream]:
        """Open the two streams of one connection."""
        request = str(self._request)
        self._request += 1
        common = {
            ":method": "POST",
            ":path": "/",
            ":version": "HTTP/1.1",
            ":host": "gateway",
            ":scheme": "http",
            "port": str(port),
            "requestid": request,
        }
        number, error = self.syn({**common, "streamtype": "error"})
        await error.replied
        self.data(number, b"", FIN)
        number, stream = self.syn({**common, "streamtype": "data"})
        await stream.replied
        return number, stream, error

    def data(self, number: int, data: bytes, flags: int = 0) -> None:
        """Write a DATA frame."""
        self._writer.write(struct.pack("!II", number, flags << 24 | len(data)) + data)

    async def send(self, number: int, stream: Stream, data: bytes) -> None:
        """Send, as far as both windows allow."""
        while data:
            for each in (stream, self.session):
                while each.credit <= 0 and stream.error is None:
                    each.more.clear()
                    await asyncio.wait_for(each.more.wait(), 30)
            if stream.error is not None:
                raise stream.error
            size = min(len(data), stream.credit, self.session.credit)
            stream.credit -= size
            self.session.credit -= size
            self.data(number, data[:size])
            data = data[size:]
            await self._writer.drain()

    def taken(self, number: int, stream: Stream, size: int) -> None:
        """Give credit for what has been passed on."""
        stream.room += size
        self.session.room += size
        for each in (number, 0):
            self.control(UPDATE, struct.pack("!II", each, size))

    def reset(self, number: int) -> None:
        """Give a stream up, and the session's credit for what nobody took of it."""
        stream = self.streams.pop(number, None)
        if stream is None:
            return
        self.control(RST, struct.pack("!II", number, 5))
        while not stream.data.empty():
            self.dropped(len(stream.data.get_nowait() or b""))

    def dropped(self, size: int) -> None:
        """Give the session credit for what came on a stream that is no more."""
        if size:
            self.session.room += size
            self.control(UPDATE, struct.pack("!II", 0, size))

    async def ping(self) -> None:
        """Ping every 15 s with the number of a stream."""
        while True:
            await asyncio.sleep(15)
            self.control(PING, struct.pack("!I", max(1, self._next - 2)))

    # -- receiving ---------------------------------------------------------------

    async def read(self) -> None:
        """Read frames until the connection ends."""
        try:
            while True:
                first, second = struct.unpack("!II", await self._reader.readexactly(8))
                flags, length = second >> 24, second & 0xFFFFFF
                payload = await self._reader.readexactly(length)
                if first >> 31:
                    self._control(first & 0xFFFF, payload)
                else:
                    self._data(first, payload, flags)
        except Exception as error:
            for stream in (*self.streams.values(), self.session):
                stream.fail(error)
            raise

    def _data(self, number: int, payload: bytes, flags: int) -> None:
        """Take DATA, which no window may be overdrawn by."""
        self.session.room -= len(payload)
        stream = self.streams.get(number)
        if stream is None:
            self.dropped(len(payload))
            return
        stream.room -= len(payload)
        if min(stream.room, self.session.room) < 0:
            print(f"FAULT: a window is overdrawn on stream {number}", flush=True)
            sys.exit(3)
        if payload:
            stream.data.put_nowait(payload)
        if flags & FIN:
            stream.data.put_nowait(None)

    def _control(self, kind: int, payload: bytes) -> None:
        """Act on a control frame."""
        number = struct.unpack("!I", payload[:4])[0] & 0x7FFFFFFF
        if kind in (SYN_REPLY, HEADERS):
            self._inflate.decompress(payload[4:])
            stream = self.streams.get(number)
            if stream is not None and not stream.replied.done():
                stream.replied.set_result(None)
        elif kind == RST:
            stream = self.streams.pop(number, None)
            if stream is not None:
                stream.fail(ConnectionResetError("the stream was reset"))
        elif kind == UPDATE:
            stream = self.streams.get(number) if number else self.session
            if stream is not None:
                stream.credit += struct.unpack("!I", payload[4:])[0]
                stream.more.set()
        elif kind == PING and number % 2 == 0:
            self.control(PING, payload)
        elif kind == GOAWAY:
            raise EOFError("GOAWAY")


async def connect(url: str) -> Connection:
    """Connect and upgrade, as arquillian-cube did before 2024."""
    host, port, path = address(url)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
        "Upgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101 "):
        sys.exit(f"no upgrade: {head!r}")
    connection = Connection(reader, writer)
    connection.settings()
    return connection


_connection: asyncio.Future[Connection] | None = None
_tasks: list[asyncio.Future[None]] = []


async def shared() -> Connection:
    """Return the one connection."""
    global _connection
    if _connection is None:
        _connection = asyncio.ensure_future(connect(sys.argv[1]))
        made = await _connection
        _tasks.append(asyncio.ensure_future(made.read()))
        _tasks.append(asyncio.ensure_future(made.ping()))
    return await _connection


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    """Carry one local connection."""
    connection = await shared()
    number, stream, _ = await connection.pair(port)

    async def upward() -> None:
        try:
            while data := await reader.read(65536):
                await connection.send(number, stream, data)
            connection.data(number, b"", FIN)
        except ConnectionResetError:
            connection.reset(number)
            stream.fail(ConnectionResetError("the local connection was reset"))

    up = asyncio.ensure_future(upward())
    try:
        while (data := await stream.data.get()) is not None:
            connection.taken(number, stream, len(data))
            writer.write(data)
            await writer.drain()
        if stream.error is not None:
            raise stream.error
        writer.write_eof()
        await up
    except OSError:
        up.cancel()
        connection.reset(number)
        raise


if __name__ == "__main__":
    run(serve, sys.argv[2:])
