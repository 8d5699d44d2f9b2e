"""Tests for :mod:`spdygate.wire.spdysettings`."""

from hypothesis import given
from hypothesis.strategies import booleans, builds, integers, lists
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RemoteError
from spdygate.wire.spdysettings import MAX_SETTINGS, Setting, Settings

ENTRIES = lists(
    builds(Setting, integers(0, 2**24 - 1), integers(0, 2**32 - 1), integers(0, 255)),
    max_size=MAX_SETTINGS,
).map(tuple)


class SettingsTests(SynchronousTestCase):
    """Draft, section 2.6.4."""

    def test_bytes_on_the_wire(self) -> None:
        """A count; then flags, a number of 24 bits and a value for each entry."""
        frame = Settings((Setting(4, 100, 1), Setting(7, 65536)), clear=True)
        self.assertEqual(
            frame.pack().hex(" ", 4),
            "80030004 01000014 00000002 01000004 00000064 00000007 00010000",
        )

    @given(ENTRIES, booleans())
    def test_round_trip(self, entries: tuple[Setting, ...], clear: bool) -> None:
        """Unpacking a packed frame gives the frame back."""
        frame = Settings(entries, clear)
        packed = frame.pack()
        self.assertEqual(Settings.unpack(packed[4], packed[8:]), frame)

    def test_count_is_checked_first(self) -> None:
        """A count that the length does not bear out is refused (CVE-2026-35469)."""
        for count in (1, 3, 2**29 + 2, 2**32 - 1):
            body = count.to_bytes(4) + bytes(16)
            self.assertRaises(RemoteError, Settings.unpack, 0, body)

    def test_many_entries(self) -> None:
        """An honest list that nobody has use for is refused (CVE-2020-11080)."""
        most, more = MAX_SETTINGS, MAX_SETTINGS + 1
        frame = Settings.unpack(0, most.to_bytes(4) + bytes(8 * most))
        self.assertEqual(len(frame.entries), most)
        body = more.to_bytes(4) + bytes(8 * more)
        self.assertRaises(LimitError, Settings.unpack, 0, body)

    def test_no_count(self) -> None:
        """A body too short for its count is refused."""
        self.assertRaises(RemoteError, Settings.unpack, 0, b"\x00\x00\x00")
