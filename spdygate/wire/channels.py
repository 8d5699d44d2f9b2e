"""
WebSocket channels: a byte that says which channel, then what is said on it.

The oldest port-forward that needs nothing but a WebSocket (docs/protocol.rst,
section 4.1).  The ports are in the query of the upgrade request; the i-th of
them has channel 2i for bytes and channel 2i + 1 for the text of an error.

Rules:

1. A message is one byte and a payload (k8s.io/cri-streaming,
   pkg/streaming/internal/wsstream/conn.go: ``rawCodec``), or one digit and the
   payload in base64 (``base64Codec``).  WebSocket has two kinds of message,
   text and binary; each codec writes its own and reads both.
2. One digit tells ten channels apart.  There the kubelet goes on with ``:``
   and what follows in ASCII, which no client expects: more ports are refused.
3. A message is read as its pieces come, so what is kept of one is its channel
   and at most three characters, however long it is.  Where a kubelet would
   drop a message in which the base64 turns bad, what stood before the bad
   place has been passed on; what stands behind it is ignored.
"""

from __future__ import annotations

import binascii
import re
from enum import Enum
from urllib.parse import unquote_to_bytes

from ..errors import SpdygateError
from .gotext import NotUint, parse_uint, quote

#: The subprotocols, as a WebSocket handshake names them (cri-streaming,
#: pkg/streaming/portforward/websocket.go).  A client that names none, of this
#: or any other kind, means the first.
RAW_PROTOCOL = "v4.channel.k8s.io"
BASE64_PROTOCOL = "v4.base64.channel.k8s.io"
PROTOCOLS = (RAW_PROTOCOL, BASE64_PROTOCOL)

#: Bytes that one message carries at most.  A kubelet copies through a buffer of
#: 32 KiB, and there are clients that bound what they take by that.
_RAW_PAYLOAD = 32 * 1024
_BASE64_PAYLOAD = 24 * 1024

#: Bytes of a port on the wire.
PREAMBLE = 2

#: A port in a query: by the names of kubelets, and of API servers
#: (k8s.io/api, core/v1/types.go: ``PodPortForwardOptions``).
_PORT_NAMES = (b"port", b"ports")

#: Base64, if there are whole groups of it; and groups as far as they are good
#: (RFC 4648, section 4: padding ends it).
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_GOOD = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

#: What Go's decoder skips (encoding/base64).
_LINE_ENDS = b"\r\n"

_Buffer = bytes | memoryview


class BadPorts(SpdygateError):
    """The query does not say which ports are meant: to be answered with 400."""


class Codec(Enum):
    """
    How a channel and its payload become a message.

    :ivar text: whether messages are written as text.
    :ivar channels: how many channels can be told apart.
    :ivar payload: bytes that one message carries at most, as we write it.
    """

    def __init__(self, text: bool, channels: int, payload: int) -> None:
        self.text = text
        self.channels = channels
        self.payload = payload

    RAW = False, 256, _RAW_PAYLOAD
    BASE64 = True, 10, _BASE64_PAYLOAD

    def message(self, channel: int, data: _Buffer) -> bytes:
        """Return the message that carries *data* on *channel*."""
        if self is Codec.RAW:
            return b"".join((bytes((channel,)), data))
        return b"%d%b" % (channel, binascii.b2a_base64(data, newline=False))


def codec_of(protocol: str | None) -> Codec:
    """Return the codec of the subprotocol that was agreed upon, if one was."""
    return Codec.BASE64 if protocol == BASE64_PROTOCOL else Codec.RAW


def preamble(port: int) -> bytes:
    """Return what is said first on both channels of *port*."""
    return port.to_bytes(PREAMBLE, "little")


def read_ports(query: bytes, codec: Codec = Codec.RAW) -> list[int]:
    """
    Read which ports a client asks for, in the order of their channels.

    ``port`` and ``ports`` mean the same here, each any number of times and
    each a list with commas.  The texts are those of cri-streaming,
    pkg/streaming/portforward/websocket.go (``NewV4Options``).

    :param query: what stands behind the ``?`` of the URL.
    :raises BadPorts: it names none, or one that is no port, or too many.
    """
    most = codec.channels // 2
    ports: list[int] = []
    for name, value in _parameters(query):
        if not value:
            raise BadPorts(f"query parameter {quote(name)} cannot be empty")
        # One more than there may be, so that a long list costs nothing.
        for word in value.split(b",", most)[: most + 1]:
            if len(ports) == most:
                raise BadPorts(f"too many ports: {most} are the most here")
            ports.append(_port(word, value))
    if not ports:
        raise BadPorts('query parameter "port" is required')
    return ports


def _parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """Return the parameters of a query that name ports (Go, ``url.ParseQuery``)."""
    found = []
    for part in query.split(b"&"):
        name, _, value = part.replace(b"+", b" ").partition(b"=")
        name = unquote_to_bytes(name)
        if name in _PORT_NAMES:
            found.append((name, unquote_to_bytes(value)))
    return found


def _port(word: bytes, value: bytes) -> int:
    """Read a port that is part of *value*."""
    try:
        port = parse_uint(word, 0xFFFF)
    except NotUint as error:
        words = f"unable to parse {quote(value)} as a port: {error}"
        raise BadPorts(words) from None
    if not port:
        raise BadPorts(f"port {quote(value)} must be > 0")
    return port


class Reader:
    """
    What stands in messages, read piece by piece.

    :ivar channel: the channel of the message that was read last, or ``None``
        as long as it has not named one.
    :ivar bad: whether something in that message cannot be read.
    """

    __slots__ = ("_codec", "_padded", "_rest", "_whole", "bad", "channel")

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._begin()

    def _begin(self) -> None:
        """Be ready for a message."""
        self.channel: int | None = None
        self.bad = False
        self._whole = False
        #: Characters of a group that is not complete, and whether a group with
        #: padding has come, which is the last one.
        self._rest = b""
        self._padded = False

    def take(self, data: _Buffer, *, finished: bool) -> _Buffer:
        """
        Read on in a message.

        :param finished: whether the message ends with this.
        :returns: what it adds to the payload, as far as can be told by now.
        """
        if self._whole:
            self._begin()
        self._whole = finished
        if self.channel is None:
            if not len(data):
                return data
            self.channel = self._channel(data[0])
            data = memoryview(data)[1:]
        if self._codec is Codec.RAW:
            return data
        return b"" if self.bad else self._decode(data, finished)

    def _channel(self, first: int) -> int:
        """Return the channel that the first byte of a message names."""
        if self._codec is Codec.RAW:
            return first
        self.bad = not 0x30 <= first <= 0x39
        return first - 0x30

    def _decode(self, data: _Buffer, finished: bool) -> bytes:
        """Return what whole groups of base64 mean, and keep the rest."""
        text = self._rest + bytes(data).translate(None, _LINE_ENDS)
        end = len(text) if finished else len(text) // 4 * 4
        text, self._rest = text[:end], text[end:]
        if self._padded and text:
            self.bad = True
            return b""
        self._padded = self._padded or text.endswith(b"=")
        if len(text) % 4 or not _BASE64.fullmatch(text):
            self.bad = True
            good = _GOOD.match(text)
            text = good[0] if good else b""
        return binascii.a2b_base64(text)
