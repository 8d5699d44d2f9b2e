"""Tests for `spdygate.service.settings`."""

from __future__ import annotations

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.servedspdy import Errors
from spdygate.service.settings import (
    DeclaredPod,
    NodeUrl,
    SettingError,
    check_nodes_of,
    check_reach,
    check_unique,
    read_errors,
    read_listeners,
    read_node,
    read_pod,
    read_seconds,
)


class SettingCase(SynchronousTestCase):
    """What is written wrongly is answered with what to write."""

    def assert_says(self, error: SettingError, *words: str) -> None:
        """Assert that a message is one line and holds *words*."""
        self.assertNotIn("\n", str(error))
        for word in words:
            self.assertIn(word, str(error))


class NodeTests(SettingCase):
    """``--node``."""

    def assert_refused(self, text: str, *words: str) -> None:
        """Assert that a node is refused, with the option and *words*."""
        error = self.assertRaises(SettingError, read_node, text)
        self.assert_says(error, f"--node {text}: ", *words)

    def test_understood(self) -> None:
        """Name, scheme, host and port come out; the authority has no slash."""
        self.assertEqual(
            read_node("n1=https://node.example:10443/"),
            NodeUrl(
                "n1", "https://node.example:10443/", "https", "node.example", 10443
            ),
        )
        for written, authority in (
            ("n1=https://node.example:10443/", "node.example:10443"),
            ("*=HTTP://10.0.0.1:80", "10.0.0.1:80"),
            ("n1=https://[fd00::1]:10443", "[fd00::1]:10443"),
            ("n1=http://b\u00fccher.example:1", "xn--bcher-kva.example:1"),
        ):
            self.assertEqual(read_node(written).authority, authority)

    def test_no_url(self) -> None:
        """A URL alone, a name alone and an address without scheme get the form."""
        for text in ("n1", "https://h:1"):
            self.assert_refused(text, "NAME=URL, as in --node n1=https://")
        for text in ("n1=", "n1=h:1", "n1=ftp://h:1", "n1=https://:1"):
            self.assert_refused(text, "write https://HOST:PORT or http://HOST:PORT")

    def test_no_port(self) -> None:
        """The advice is the user's own URL with a port."""
        for url in ("https://h", "https://h/", "https://h:0", "https://h:"):
            self.assert_refused(f"n1={url}", "as in https://h:10443")
        self.assert_refused("n1=http://[::1]", "as in http://[::1]:10443")

    def test_bad_ports(self) -> None:
        """A port that is none gets the form of the URL."""
        for url in ("https://h:x", "https://h:65536", "https://[::1"):
            self.assert_refused(f"n1={url}", "write https://HOST:PORT")

    def test_more_than_an_authority(self) -> None:
        """Paths, queries, fragments and passwords have no place."""
        for rest in ("h:1/x", "h:1?", "h:1?q", "h:1#", "u:p@h:1"):
            self.assert_refused(f"n1=http://{rest}", "and no more")

    def test_hosts_that_are_none(self) -> None:
        """A host that cannot be looked up is refused before it is dialled."""
        hosts = ("a b", "a..b", "-a", "*", "10.0.0.300", "1.2.3", "a" * 64)
        for host in (*hosts, "a." * 127 + "b"):
            self.assert_refused(f"n1=http://{host}:1", "neither a DNS name nor")

    def test_hosts_that_no_certificate_can_name(self) -> None:
        """Such a host is refused as an option, not when the service is built."""
        for host in ("a..b", "-a", "*", "a b"):
            self.assert_refused(f"n1=https://{host}:1", "DNS name")

    def test_names(self) -> None:
        """A node is called as Kubernetes would call it."""
        for name in ("", "N1", "a_b", "a/b"):
            self.assert_refused(f"{name}=https://h:1", "lower-case letters", "or *")

    @given(strategies.text())
    def test_anything(self, written: str) -> None:
        """Any text is a node or a `SettingError`."""
        for text_ in (written, f"n={written}", f"n=https://{written}:1"):
            try:
                self.assertTrue(0 < read_node(text_).port < 65536)
            except SettingError:
                pass


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

    def test_pods_on_nodes(self) -> None:
        """A pod's node is one of those given, or of those that ``*`` takes."""
        pods = [DeclaredPod("a", "b", node="n1"), DeclaredPod("a", "c", host="h")]
        n1, n2, any_ = (read_node(f"{name}=http://h:1") for name in ("n1", "n2", "*"))
        check_nodes_of(pods, [n1])
        check_nodes_of(pods, [n2, any_])
        error = self.assertRaises(SettingError, check_nodes_of, pods, [n2])
        self.assert_says(error, "--pod a/b@n1", "give --node n1=URL too")

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
