"""Tests for :mod:`spdygate.net.endpointtext`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import quoteStringArgument
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.endpointtext import (
    FIELDS,
    ListenError,
    number,
    octal,
    parse_endpoint,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


class GrammarTests(SynchronousTestCase):
    """Kinds, values and names."""

    def test_by_place(self) -> None:
        """Values without a name are named by their place."""
        self.assertEqual(
            parse_endpoint("", "tcp:80:127.0.0.1:5"),
            ("tcp", {"port": "80", "interface": "127.0.0.1", "backlog": "5"}),
        )

    def test_by_name(self) -> None:
        """Values with a name may stand anywhere."""
        self.assertEqual(
            parse_endpoint("", "unix:mode=660:address=/run/x"),
            ("unix", {"address": "/run/x", "mode": "660"}),
        )

    def test_escapes(self) -> None:
        """A backslash makes a colon, an equals sign or itself a plain character."""
        self.assertEqual(
            parse_endpoint("", r"unix:a\:b\=c\\d"),
            ("unix", {"address": "a:b=c\\d"}),
        )

    @given(st.sampled_from(sorted(FIELDS)), st.data())
    def test_round_trip(self, kind: str, data: st.DataObject) -> None:
        """What Twisted's quoting makes of any values is read back as them."""
        first, *others = FIELDS[kind]
        values = {first: data.draw(TEXT.filter(bool))}
        values |= data.draw(st.dictionaries(st.sampled_from(others), TEXT))
        written = ":".join(
            [kind] + [f"{name}={quoteStringArgument(v)}" for name, v in values.items()]
        )
        self.assertEqual(parse_endpoint(written, written), (kind, values))

    @given(st.one_of(TEXT, st.text("tcpunix6:=\\/0123. ", max_size=20)))
    def test_anything(self, text: str) -> None:
        """Any text is an endpoint or a ListenError that repeats it."""
        try:
            kind, fields = parse_endpoint(text, text)
        except ListenError as error:
            self.assertTrue(str(error).startswith(f"{text}: "))
        else:
            self.assertLessEqual(set(fields), set(FIELDS[kind]))


class RefusalTests(SynchronousTestCase):
    """What is said of strings that are wrong."""

    def said(self, text: str) -> str:
        """Return the message."""
        return str(self.assertRaises(ListenError, parse_endpoint, text, text))

    def test_guesses(self) -> None:
        """What was probably meant is written out."""
        expected = {
            "8001": "write tcp:8001:interface=127.0.0.1",
            "127.0.0.1:8001": "write tcp:8001:interface=127.0.0.1",
            "localhost:80": "write tcp:80:interface=localhost",
            "http://10.0.0.1:80/": "write tcp:80:interface=10.0.0.1",
        }
        for text, words in expected.items():
            self.assertEqual(self.said(text), f"{text}: {words}")

    def test_unknown_kind(self) -> None:
        """Of other kinds the known ones are listed."""
        for text in ("", "udp:53", "TCP:80", "onion:80", "stdio:", "tcp=80", "a b"):
            self.assertIn("tcp:, tcp6:, unix: or systemd:", self.said(text))

    def test_missing(self) -> None:
        """What is missing is named."""
        for text in ("tcp", "tcp:", "tcp:interface=127.0.0.1"):
            self.assertIn("the port is missing", self.said(text))
        self.assertIn("the address is missing", self.said("unix:"))

    def test_colons(self) -> None:
        """An IPv6 address wants backslashes, which is not obvious."""
        self.assertIn(r"interface=\:\:1", self.said("tcp:80:interface=::1"))
        self.assertIn(r"interface=\:\:1", self.said("tcp6:80:interface=fe80::1"))

    def test_unknown_name(self) -> None:
        """A name that does not belong there brings those that do."""
        self.assertIn("it takes port, interface, backlog", self.said("tcp:80:host=a"))

    def test_twice(self) -> None:
        """No value is given twice, by place or by name."""
        self.assertIn("port is given twice", self.said("tcp:80:port=81"))

    def test_too_many(self) -> None:
        """There may be more values than names."""
        self.assertIn("too many values", self.said("tcp:80:a:b:c"))

    def test_backslash(self) -> None:
        """A backslash at the end takes the meaning from nothing."""
        self.assertIn("nothing after the last backslash", self.said("unix:/x\\"))


class NumberTests(SynchronousTestCase):
    """Numbers in endpoint strings."""

    def test_range(self) -> None:
        """From 0 to the most."""
        self.assertEqual(number("", "port", "0", 65535), 0)
        self.assertEqual(number("", "port", "65535", 65535), 65535)

    def test_others(self) -> None:
        """Nothing else is a number here, whatever Python thinks of it."""
        for value in ("65536", "-1", "+1", " 1", "1_0", "٣", "", "http", "9" * 6):
            with self.assertRaisesRegex(
                ListenError, "the port is a number up to 65535"
            ):
                number("", "port", value, 65535)

    def test_octal(self) -> None:
        """Permissions are octal."""
        self.assertEqual(octal("", "0660"), 0o660)
        for value in ("8", "rw", "0o66", "1_0"):
            with self.assertRaisesRegex(ListenError, "octal"):
                octal("", value)
