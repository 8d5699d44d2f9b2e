"""Tests for `spdygate.service.settings`."""

from __future__ import annotations

import math

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.servedspdy import Errors
from spdygate.service.settings import (
    DeclaredPod,
    HttpUrl,
    SettingError,
    check_reach,
    check_unique,
    in_url,
    read_count,
    read_errors,
    read_host,
    read_limit,
    read_listeners,
    read_pod,
    read_seconds,
    read_url,
)


class SettingCase(SynchronousTestCase):
    """What is written wrongly is answered with what to write."""

    def assert_says(self, error: SettingError, *words: str) -> None:
        """Assert that a message is one line and holds *words*."""
        self.assertNotIn("\n", str(error))
        for word in words:
            self.assertIn(word, str(error))


class PodTests(SettingCase):
    """``--pod``."""

    def assert_refused(self, text: str, *words: str) -> None:
        """Assert that a pod is refused, with the option and *words*."""
        for may in (True, False):
            error = self.assertRaises(SettingError, read_pod, text, may_name_node=may)
            self.assert_says(error, f"--pod {text}: ", *words)

    def test_hosts(self) -> None:
        """Names and addresses of both families, with brackets or without."""
        for written, host in (
            ("web.example", "web.example"),
            ("my_host", "my_host"),
            ("10.0.0.7", "10.0.0.7"),
            ("fd00::7", "fd00::7"),
            ("[fd00::7]", "fd00::7"),
        ):
            self.assertEqual(
                read_pod(f"default/web={written}", may_name_node=False),
                DeclaredPod("default", "web", host=host),
            )

    def test_on_a_node(self) -> None:
        """Only a gateway knows nodes."""
        pod = read_pod("default/web@n1", may_name_node=True)
        self.assertEqual(pod, DeclaredPod("default", "web", node="n1"))
        error = self.assertRaises(
            SettingError, read_pod, "default/web@n1", may_name_node=False
        )
        self.assert_says(error, "write NS/NAME=HOST, as in")

    def test_forms(self) -> None:
        """What has not the form gets the form and an example."""
        for text in ("", "a", "a/b", "b=h", "a/b/c=h"):
            self.assert_refused(text, "NS/NAME=HOST", "--pod default/web=10.0.0.7")

    def test_hosts_that_are_none(self) -> None:
        """A port, a URL or a slip in an address is no host."""
        for host in (
            "", "10.0.0.1:80", "h:80", "[::1]:80", "[::1", "[h]", "http://h", "h/x",
            "...", "::::", "10.0.0.300", "fe80::1%eth0", "a b",
        ):  # fmt: skip
            self.assert_refused(f"a/b={host}", "without a port")

    def test_names(self) -> None:
        """Namespace and name are as Kubernetes would have them."""
        self.assert_refused("A/b=h", "'A' is no name of a namespace", "lower-case")
        self.assert_refused("/b=h", "'' is no name of a namespace")
        self.assert_refused("a/B=h", "'B' is no name of a pod", "lower-case")
        for node in ("", "N1"):
            text = f"a/b@{node}"
            error = self.assertRaises(SettingError, read_pod, text, may_name_node=True)
            self.assert_says(error, "is no name of a node", "one --node")

    @given(strategies.text())
    def test_anything(self, written: str) -> None:
        """Any text is a pod or a `SettingError`."""
        for text_ in (written, f"a/b={written}", f"a/b@{written}"):
            try:
                pod = read_pod(text_, may_name_node=True)
            except SettingError:
                continue
            self.assertNotEqual(bool(pod.host), bool(pod.node))


class OtherTests(SettingCase):
    """The smaller ones."""

    def test_listeners(self) -> None:
        """The default is for none; what is wrong is said with the option."""
        (listener,) = read_listeners([], "tcp:8001:interface=127.0.0.1")
        self.assertEqual(listener.port, 8001)
        error = self.assertRaises(SettingError, read_listeners, ["ssl:1"], "tcp:1")
        self.assert_says(error, "--listen ssl:1: ", "--tls-cert and --tls-key")

    def test_listeners_twice(self) -> None:
        """A port can be taken once; whatever port is free can be taken again."""
        self.assertEqual(len(read_listeners(["tcp:0", "tcp:0"], "tcp:1")), 2)
        error = self.assertRaises(SettingError, read_listeners, ["tcp:7"] * 2, "tcp:1")
        self.assert_says(error, "--listen: tcp:7 is given twice; leave one out")

    def test_reach(self) -> None:
        """Other machines are let in only where somebody has said so."""
        for text in ("tcp:8001", "tcp6:8001:interface=\\:\\:", "haproxy:unix:/x"):
            listeners = read_listeners([text], "tcp:1")
            check_reach(listeners, True, "--let-them-in")
            error = self.assertRaises(
                SettingError, check_reach, listeners, False, "--let-them-in"
            )
            self.assert_says(error, f"--listen {text}: ", "with --let-them-in")
        check_reach(read_listeners(["unix:/x"], "tcp:1"), False, "--let-them-in")

    def test_seconds(self) -> None:
        """A time is a number above 0, and ends some day."""
        self.assertEqual(read_seconds("--wait", "0.5"), 0.5)
        for text in ("0", "-1", "nan", "inf", "1e9", "", "10s"):
            error = self.assertRaises(SettingError, read_seconds, "--wait", text)
            self.assert_says(error, f"--wait {text}: ", "as in --wait 10")

    def test_seconds_or_never(self) -> None:
        """Where 0 is a time, it is; nothing else becomes one."""
        self.assertEqual(read_seconds("--wait", "0", or_never=True), 0.0)
        self.assertEqual(read_seconds("--wait", "7", or_never=True), 7.0)
        for text in ("-1", "nan", "inf", "1e9", "", "x"):
            error = self.assertRaises(
                SettingError, read_seconds, "--wait", text, or_never=True
            )
            self.assert_says(error, f"--wait {text}: ", "0 or more")

    def test_limit(self) -> None:
        """A long time has a unit or is in seconds, and may be no time at all."""
        for text, seconds in (
            ("90", 90.0),
            ("90s", 90.0),
            ("1.5m", 90.0),
            ("4h", 14400.0),
            ("0", math.inf),
            ("never", math.inf),
        ):
            self.assertEqual(read_limit("--idle", text), seconds)
        for text in ("", "-1", "0s", "h", "4d", "nan", "inf", "1e3", "9" * 10, " 4h"):
            error = self.assertRaises(SettingError, read_limit, "--idle", text)
            self.assert_says(error, f"--idle {text}: ", "4h or 30m", "never")

    def test_count(self) -> None:
        """A number of things is whole, and there is a most."""
        self.assertEqual(read_count("--things", "1", 8), 1)
        self.assertEqual(read_count("--things", "8", 8), 8)
        for text in ("0", "9", "-1", "1.0", "", "x", "1" * 10, "\u0663"):
            error = self.assertRaises(SettingError, read_count, "--things", text, 8)
            self.assert_says(error, f"--things {text}: ", "from 1 to 8")

    def test_url(self) -> None:
        """A URL is scheme, host, perhaps a port, and perhaps a path."""
        for written, read in (
            ("https://h.example", HttpUrl("https", "h.example", 0, "")),
            ("HTTP://[fd00::1]:80/", HttpUrl("http", "fd00::1", 80, "")),
            ("https://h/a/b/", HttpUrl("https", "h", 0, "/a/b")),
        ):
            self.assertEqual(read_url("--x", written, "write it"), read)
        for written in ("h", "//h", "ftp://h", "https://", "https://h?", "https://u@h"):
            error = self.assertRaises(
                SettingError, read_url, "--x", written, "write it"
            )
            self.assert_says(error, "--x: ", "write it")

    def test_host(self) -> None:
        """Addresses have brackets in URLs where they need them."""
        self.assertEqual(in_url("fd00::1"), "[fd00::1]")
        self.assertEqual(in_url("10.0.0.1"), "10.0.0.1")
        self.assertEqual(read_host("b\u00fccher.example"), "xn--bcher-kva.example")
        self.assertIsNone(read_host("fe80::1%eth0"))

    def test_errors(self) -> None:
        """A mode is one of two words."""
        self.assertIs(read_errors("isolate"), Errors.ISOLATE)
        self.assertIs(read_errors("kubelet"), Errors.KUBELET)
        for text in ("kublet", "", "ISOLATE"):
            error = self.assertRaises(SettingError, read_errors, text)
            self.assert_says(error, f"--errors {text}: write isolate or kubelet")

    def test_unique(self) -> None:
        """What is said twice is named."""
        check_unique("--pod", ["a/b", "a/c"])
        error = self.assertRaises(SettingError, check_unique, "--pod", ["x", "y", "y"])
        self.assert_says(error, "--pod: y is given twice")
