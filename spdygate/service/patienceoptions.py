"""
The options that say how long each thing may take, and who waits for whom.

Everything here has a default that suits almost everybody, and each help text
says when it does not.
"""

from __future__ import annotations

from typing import ClassVar

from ..dialect.patience import Patience
from .options import Options, Row
from .settings import SettingError, read_limit, read_seconds


class PatienceOptions(Options):
    """What is said of time."""

    optParameters: ClassVar[list[Row]] = [
        [
            "stall-deadline",
            None,
            "5",
            (
                "Seconds for which a pod may take not a single byte while the other "
                "connections of its client wait for that; then its own connection is "
                "reset, and the others run on. With no other there are 60 at least. "
                "A pod that is slow but takes something is never reset."
            ),
        ],
        [
            "idle-timeout",
            None,
            "4h",
            (
                "Time after which a client's session that carries nothing is closed, "
                "in seconds or as in 30m or 4h (a kubelet's default); 'never' or 0: "
                "not at all."
            ),
        ],
        [
            "ping-window",
            None,
            "on",
            (
                "'on' keeps one slow reader from freezing its neighbours' downloads: "
                "kubectl and oc have no flow control, so PINGs, which they answer in "
                "order, tell how much each part of them has read, and only what is "
                "stuck gets no more. 'off' sends as fast as the connection takes, and "
                "all wait for the slowest."
            ),
        ],
        [
            "ping-interval",
            None,
            "30",
            (
                "Seconds of silence before a peer is pinged: load balancers and NAT "
                "forget a quiet connection after 4 minutes, and some after one."
            ),
        ],
        [
            "ping-timeout",
            None,
            "20",
            (
                "Seconds for a pinged peer to say anything at all before it counts as "
                "gone; for peers that answer whatever else they do. A kubectl whose "
                "reader is stuck answers nothing, and is not taken for dead."
            ),
        ],
        [
            "frozen-deadline",
            None,
            "60",
            (
                "Seconds after which the session of a kubectl before 1.32 is closed, "
                "when a program has gone that did not read what it asked for: a fifth "
                "of such a session is dead then for good, and whoever runs it has to "
                "start again."
            ),
        ],
    ]

    def patience(self) -> Patience:
        """
        Read every time limit.

        :raises SettingError: one of them is no time.
        """
        stall = self._seconds("stall-deadline")
        return Patience(
            stall=stall,
            # Whoever waits longer where others suffer does not hurry where none do.
            alone=max(stall, Patience().alone),
            idle=read_limit("--idle-timeout", str(self["idle-timeout"])),
            quiet=self._seconds("ping-interval"),
            answer=self._seconds("ping-timeout"),
            frozen=self._seconds("frozen-deadline"),
        )

    def ping_window(self) -> bool:
        """
        Read whether PINGs count what a client has read.

        :raises SettingError: it says neither.
        """
        word = str(self["ping-window"])
        if word not in ("on", "off"):
            raise SettingError(f"--ping-window {word}: write on or off")
        return word == "on"

    def _seconds(self, option: str) -> float:
        """Read one time."""
        return read_seconds(f"--{option}", str(self[option]))
