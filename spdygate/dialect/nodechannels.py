"""
Port-forward on WebSocket channels, from the asking side: what is left where a
node refuses everything better.

One connection is one tunnel.  What a node's answers mean (docs/protocol.rst,
sections 2.5, 2.6, 4.1 and 8.4):

* It names the port on both channels before it dials; that is all the yes there
  is, and a refusal comes later, as text on the second channel.
* Its Close 1000 is the pod's FIN, and everything else that ends the connection
  is a loss: a client must not take a half answer for a whole one.
* There is no way to tell it that a client has finished.  So the client's FIN
  is held while the pod still speaks: an answer to all that was asked is worth
  more than a pod that learns when nothing more comes.  Once the pod has been
  silent for long enough the connection is closed, which ends both directions.
"""

from __future__ import annotations

from ..errors import RemoteError
from ..session.deadlines import Liveness, Verdict
from ..session.events import Buffer
from ..session.websocket import NORMAL, WebSocketSession
from ..wire.channels import PREAMBLE, Codec, preamble
from .budget import LINGER, Held, Shared
from .channelend import NEVER, ChannelEnd, ChannelLine, Channels
from .errortext import understand_error
from .nodehttp2 import INTRODUCTION, LOST
from .patience import USUAL, Patience
from .tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Opened,
    Reason,
    Request,
    TunnelEvent,
    nothing,
)

#: Seconds that the FIN of a client is held which has not sent one byte: there
#: is no answer to wait for, but a pod may speak first.
SENT_NOTHING = 1.0

#: Bytes of an error's text that are read.
_LONGEST_TEXT = 4096

_DATA, _ERROR = 0, 1


class NodeChannelEnd(ChannelEnd):
    """
    The tunnel, as whoever joins it to a client's sees it.

    :ivar sent: whether it was given anything to send.
    :ivar moved: whether anything has happened that the pod needs time for.
    """

    __slots__ = ("moved", "sent")

    def __init__(self, line: ChannelLine) -> None:
        super().__init__(line, _DATA)
        self.sent = False
        self.moved = False

    def send(self, data: Buffer) -> int:
        """Send *data*."""
        self.sent = True
        return super().send(data)

    def finish(self) -> None:
        """Begin to wait for the pod to be silent."""
        self.moved = True
        super().finish()

    def fail(self, failure: Failure) -> None:
        """Close the connection, behind what was sent before a FIN."""
        lingers = self.finished and self.waiting and not self.over
        self.over = self.moved = True
        if not lingers:
            self._line.drop(self)
        self._line.wake()


class NodeChannels(Channels):
    """
    Our connection to one port of one pod.

    :ivar name: who is at the other side, as every failure begins: "node n1".
    :ivar end: the tunnel.
    """

    def __init__(
        self,
        name: str,
        request: Request,
        websocket: WebSocketSession,
        now: float,
        hold_fin: float = 30.0,
        shared: Shared | None = None,
        patience: Patience = USUAL,
    ) -> None:
        """
        Begin where the handshake has ended.

        :param now: seconds, of the clock that `tick` is told.
        :param hold_fin: seconds that a pod must have been silent before a
            client's FIN ends the tunnel; 0 ends it at once.
        :param shared: the budget of all sessions of the process.
        """
        line = ChannelLine(websocket, Codec.RAW, Held(shared or Shared()))
        # Without patience: a node whose pod does not read answers nothing, and
        # is there all the same.
        alive = Liveness(now, patience.quiet)
        super().__init__(line, range(2), alive, now)
        self.name = name
        self.end = NodeChannelEnd(line)
        line.add(self.end)
        self._hop = f"{name}: "
        self._preamble = preamble(request.port)
        #: What has come of the preambles that are not complete.
        self._named = {_DATA: b"", _ERROR: b""}
        self._text = b""
        self._introduce_by = now + INTRODUCTION
        self._hold_fin = hold_fin
        #: Since when nothing has moved that we wait for.
        self._quiet = now

    @property
    def ready(self) -> bool:
        """Return whether the node has named the port on both channels."""
        return not self._named

    # -- what comes --------------------------------------------------------------

    def _data(
        self, channel: int, data: Buffer, finished: bool, told: list[TunnelEvent]
    ) -> None:
        """Read a preamble, the pod's bytes, or the text of an error."""
        if channel in self._named:
            self._name(channel, data, finished, told)
        elif not self.ready:
            self._fail(Reason.PROTOCOL, "it spoke before it had named the port", told)
        elif channel == _ERROR:
            self._text += bytes(data[: _LONGEST_TEXT - len(self._text)])
            if finished and self._text:
                self._failed(told)
        elif not self.end.over and len(data):
            self._quiet = self._now
            self.end.take(len(data))
            told.append(Data(self.end, data))

    def _name(
        self, channel: int, data: Buffer, finished: bool, told: list[TunnelEvent]
    ) -> None:
        """Read the port that is named on a channel."""
        named = self._named[channel] + bytes(data[: PREAMBLE + 1])
        self._named[channel] = named
        if len(named) > PREAMBLE or (finished and named != self._preamble):
            words = "it does not begin with the port that was asked for"
            self._fail(Reason.PROTOCOL, words, told)
        elif finished:
            del self._named[channel]
            if self.ready and not self.end.over:
                self.end.moved = True
                told.append(Opened(self.end))

    def _failed(self, told: list[TunnelEvent]) -> None:
        """End the tunnel for the reason that the node has written."""
        text = self._text.decode("utf-8", "replace")
        self._over(understand_error(text, self._hop), told)

    def _closed(self, code: int | None, told: list[TunnelEvent]) -> None:
        """Take Close 1000 for the pod's FIN, if it had been reached."""
        if self._text:
            self._failed(told)
        elif not self.ready:
            self._fail(Reason.LINK_LOST, "it closed before it named the port", told)
        elif code not in (None, NORMAL):
            words = f"it closed the connection with code {code}"
            self._fail(Reason.LINK_LOST, words, told)
        else:
            self._finished(told)

    def _finished(self, told: list[TunnelEvent]) -> None:
        """End the tunnel in peace, unless something can never be delivered."""
        waiting = self.end.waiting
        if not self.end.over:
            told.append(Finished(self.end))
            self.end.over = True
        if waiting:
            words = "the pod closed before it had taken all that was sent"
            self._fail(Reason.TARGET_RESET, words, told)
        self._line.drop(self.end)

    def _broken(self, error: RemoteError, told: list[TunnelEvent]) -> None:
        """Give the tunnel up: the node broke the protocol."""
        self._fail(Reason.PROTOCOL, f"it broke the protocol: {error}", told)

    def _fail(self, reason: Reason, words: str, told: list[TunnelEvent]) -> None:
        """Give the tunnel up."""
        self._over(Failure(reason, self._hop + words), told)

    def _over(self, failure: Failure, told: list[TunnelEvent]) -> None:
        """Report that the tunnel has failed, if there is anyone to hear it."""
        end = self.end
        if not end.over or end.waiting:
            self.why = self.why or failure.message
            told.append(Failed(end, failure))
        self._line.drop(end)

    def lost(self, why: str = LOST) -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = self._line.held.wake = nothing
        if not self.ending and self._text:
            self._failed(told)
        elif not self.ending:
            self._fail(Reason.LINK_LOST, why, told)
        return told

    def _drained(self, end: ChannelEnd, finished: bool) -> None:
        """Count the pod's silence from here, or close behind the last byte."""
        self.end.moved = True
        if finished and end.over:
            self._line.drop(end)

    # -- time --------------------------------------------------------------------

    @property
    def _due(self) -> float:
        """Return when the pod has been silent, or stuck, for long enough."""
        end = self.end
        if end.waiting:
            return self._quiet + LINGER if end.over else NEVER
        if not end.finished or not self.ready:
            return NEVER
        hold = self._hold_fin if end.sent else min(self._hold_fin, SENT_NOTHING)
        return self._quiet + hold

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        if self.ending:
            return NEVER
        if self.end.moved:
            return self._now
        introduce_by = NEVER if self.ready else self._introduce_by
        return min(introduce_by, self._due, self._alive.next())

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: ping, end what was held long enough."""
        told: list[TunnelEvent] = []
        if self.ending:
            return told
        self._now = now
        if self.end.moved:
            self.end.moved = False
            self._quiet = now
        if not self.ready and now >= self._introduce_by:
            words = f"it did not name the port within {INTRODUCTION:.0f} s"
            self._fail(Reason.TIMEOUT, words, told)
        elif now >= self._due:
            self._quiet_enough(now, told)
        if not self.ending and self._alive.judge(now) is Verdict.PING:
            self._ping()
        return told

    def _quiet_enough(self, now: float, told: list[TunnelEvent]) -> None:
        """End a tunnel whose pod has nothing more to say, or takes nothing."""
        if self.end.waiting:
            words = f"what was sent could not be delivered within {LINGER:.0f} s"
            self._fail(Reason.GAVE_UP, words, told)
        elif self.end.held and self._hold_fin:
            # It is the client that is slow, and we who may not have read on.
            self._quiet = now
        else:
            self._finished(told)
