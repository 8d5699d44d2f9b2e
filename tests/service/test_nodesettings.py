"""Tests for `spdygate.service.nodesettings`."""

from __future__ import annotations

from hypothesis import given, strategies

from spdygate.service.nodesettings import NodeUrl, check_nodes_of, read_node
from spdygate.service.settings import DeclaredPod, SettingError

from .test_settings import SettingCase


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


class PodsTests(SettingCase):
    """Pods and the nodes they are on."""

    def test_pods_on_nodes(self) -> None:
        """A pod's node is one of those given, or of those that ``*`` takes."""
        pods = [DeclaredPod("a", "b", node="n1"), DeclaredPod("a", "c", host="h")]
        n1, n2, any_ = (read_node(f"{name}=http://h:1") for name in ("n1", "n2", "*"))
        check_nodes_of(pods, [n1])
        check_nodes_of(pods, [n2, any_])
        error = self.assertRaises(SettingError, check_nodes_of, pods, [n2])
        self.assert_says(error, "--pod a/b@n1", "give --node n1=URL too")


class GenerationTests(SettingCase):
    """What stands behind a node's URL."""

    def test_pinned(self) -> None:
        """One of four words, or nothing."""
        for word in ("http2", "spdy", "tunnel", "channels"):
            node = read_node(f"n1=https://h:1,generation={word}")
            self.assertEqual((node.generation, node.url), (word, "https://h:1"))
        self.assertEqual(read_node("n1=https://h:1").generation, "")

    def test_other_words(self) -> None:
        """Anything else is answered with the four words."""
        for rest in (
            ",generation=spdy3", ",generation=", ",spdy", ",", ",Generation=spdy",
            ",generation=spdy,generation=spdy", ",generation=spdy,",
        ):  # fmt: skip
            text = f"n1=https://h:1{rest}"
            error = self.assertRaises(SettingError, read_node, text)
            self.assert_says(
                error, f"--node {text}: ", "one of http2, spdy, tunnel or channels"
            )


class TemplateTests(SettingCase):
    """``*`` at each node's own address."""

    def test_understood(self) -> None:
        """Scheme and port are the operator's, the address is filled in later."""
        node = read_node("*=https://{address}:10443,generation=http2")
        self.assertTrue(node.by_address)
        self.assertEqual((node.scheme, node.port), ("https", 10443))
        self.assertFalse(read_node("*=https://h:1").by_address)

    def test_filled_in(self) -> None:
        """A node of the cluster gets a URL of its own."""
        template = read_node("*=http://{address}:10443/,generation=spdy")
        self.assertEqual(
            template.at("n1", "10.0.0.1"),
            NodeUrl("n1", "http://10.0.0.1:10443/", "http", "10.0.0.1", 10443, "spdy"),
        )
        node = template.at("n2", "fd00::1")
        self.assertEqual(node.authority, "[fd00::1]:10443")
        self.assertEqual(node.url, "http://[fd00::1]:10443/")

    def test_refused(self) -> None:
        """It is for "*" alone, and for the whole of the host."""
        error = self.assertRaises(SettingError, read_node, "n1=https://{address}:1")
        self.assert_says(error, "{address} is for the node of each pod: write *")
        for url in (
            "https://{address}", "https://x{address}:1", "https://{address}.x:1",
            "https://[{address}]:1", "https://{address}:{address}",
            "https://{address}:0", "https://{address}:65536", "ftp://{address}:1",
            "https://{address}:1/x", "https://h:1/{address}",
        ):  # fmt: skip
            text = f"*={url}"
            error = self.assertRaises(SettingError, read_node, text)
            self.assert_says(error, f"--node {text}: write https://{{address}}:PORT")
