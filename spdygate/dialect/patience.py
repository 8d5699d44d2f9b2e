"""How long each thing may take that an operator has a say in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """
    Time limits of connections, all in seconds; infinitely many for never.

    :ivar stall: how long a pod may take not a single byte while other tunnels
        of the client wait for that.
    :ivar alone: the same, when there is no other.
    :ivar idle: how long a client's session may carry nothing; as long as a
        kubelet's by default (``--streaming-connection-idle-timeout``).
    :ivar quiet: silence of a peer before it is pinged: balancers and NAT tables
        forget a quiet connection after 4 minutes (Azure) or more, and clients
        before 1.21 never ping themselves (docs/protocol.rst, 3.5).
    :ivar answer: how long a peer that answers PINGs may take to do so.
    :ivar frozen: how long a part of a client's session may stand still before
        the session is closed, if its client cannot recover from that.
    """

    stall: float = 5.0
    alone: float = 60.0
    idle: float = 4 * 3600.0
    quiet: float = 30.0
    answer: float = 20.0
    frozen: float = 60.0


#: What suits almost everybody.
USUAL = Patience()
