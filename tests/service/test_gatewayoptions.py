"""Tests for `spdygate.service.gatewayoptions`."""

from __future__ import annotations

from twisted.scripts._twistd_unix import ServerOptions

from spdygate.dialect.patience import Patience
from spdygate.dialect.servedspdy import Errors
from spdygate.service.gatewayoptions import Options

from .commandline import CommandCase

N1 = ("--node", "n1=http://127.0.0.1:10443")


class OptionsTests(CommandCase):
    """The command line."""

    def understood(self, *words: str) -> Options:
        """Return a command line that is understood."""
        options = Options()
        options.parseOptions(words)
        return options

    def test_defaults(self) -> None:
        """Loopback, the node service in this process, failures kept apart."""
        settings = self.understood().settings
        (listener,) = settings.listeners
        self.assertEqual(listener.text, "tcp:8001:interface=127.0.0.1")
        self.assertTrue(settings.embedded)
        self.assertIs(settings.errors, Errors.ISOLATE)
        self.assertFalse(settings.exposed)
        self.assertIsNone(settings.tls)
        self.assertIsNone(settings.api)
        self.assertIsNone(settings.node_token)
        self.assertEqual(settings.hold_fin, 30.0)
        self.assertEqual(settings.patience, Patience())
        self.assertTrue(settings.ping_window)

    def test_embedded(self) -> None:
        """It goes with the first node, and comes back with a pod of its own."""
        pod = ("--pod", "a/b@n1")
        self.assertFalse(self.understood(*N1, *pod).settings.embedded)
        mine = ("--pod", "a/c=127.0.0.1")
        self.assertTrue(self.understood(*N1, *pod, *mine).settings.embedded)

    def test_twice(self) -> None:
        """A node and a pod are given once, wherever the pod is."""
        message = self.refusal(Options(), *N1, *N1)
        self.assertIn("--node: n1 is given twice", message)
        message = self.refusal(Options(), *N1, "--pod", "a/b@n1", "--pod", "a/b=h")
        self.assertIn("--pod: a/b is given twice", message)

    def test_pod_without_its_node(self) -> None:
        """The missing option is written out."""
        message = self.refusal(Options(), "--pod", "a/b@n2", *N1)
        self.assertIn("give --node n2=URL too", message)

    def test_errors(self) -> None:
        """A slip of the finger is told what there is."""
        settings = self.understood("--errors", "kubelet").settings
        self.assertIs(settings.errors, Errors.KUBELET)
        message = self.refusal(Options(), "--errors", "kublet")
        self.assertEqual(message, "--errors kublet: write isolate or kubelet")

    def test_exposed(self) -> None:
        """Other machines are let in by one option only, certificates or not."""
        message = self.refusal(Options(), "--listen", "tcp:8001")
        self.assertIn("write tcp:8001:interface=127.0.0.1, or let them in", message)
        self.assertIn("--insecure-anonymous", message)
        words = ("--listen", "tcp:8001", "--insecure-anonymous")
        self.assertTrue(self.understood(*words).settings.exposed)

    def test_help(self) -> None:
        """It fits a terminal, and its commands can be copied."""
        self.assert_help(
            Options(),
            "twistd -n --pidfile= spdygate",
            "kubectl --server http://127.0.0.1:8001 port-forward pod/demo 8080:80",
            "twistd -n --pidfile= spdygate \\",
            "twistd -n --pidfile= spdygate --api-server https://10.0.0.1:6443 \\",
            "twistd -n --pidfile= spdygate --kubeconfig admin.conf --context staging",
            "twistd -n --pidfile= spdygate --in-cluster \\",
            "  --node n2=https://10.0.0.2:10250,generation=spdy --pod default/db@n2 \\",
        )

    def test_hold_fin(self) -> None:
        """Any time is one, and 0 is none at all."""
        self.assertEqual(self.understood("--hold-fin", "0").settings.hold_fin, 0.0)
        self.assertEqual(self.understood("--hold-fin", "2.5").settings.hold_fin, 2.5)
        message = self.refusal(Options(), "--hold-fin", "-1")
        self.assertEqual(
            message,
            "--hold-fin -1: write a number of seconds 0 or more, as in --hold-fin 10",
        )

    def test_workers(self) -> None:
        """One process unless more are asked for; a slip is told the bounds."""
        self.assertEqual(self.understood().settings.workers, 1)
        self.assertEqual(self.understood("--workers", "4").settings.workers, 4)
        for text in ("0", "-1", "two", "1.5", "257", ""):
            self.assertEqual(
                self.refusal(Options(), f"--workers={text}"),
                f"--workers {text}: write a whole number from 1 to 256, "
                "as in --workers 2",
            )

    def test_workers_and_chroot(self) -> None:
        """Workers are programs: where there is no Python, there are none."""
        options = Options()
        options.parent = ServerOptions()
        options.parent["chroot"] = "/srv"
        self.assertIn("leave one of the two", self.refusal(options, "--workers", "2"))
        options.parseOptions(["--workers", "1"])

    def test_words(self) -> None:
        """The command line is kept as it was, for whoever is to read it again."""
        words = ("--workers", "2", "-v")
        self.assertEqual(self.understood(*words).words, words)
