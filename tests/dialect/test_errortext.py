"""Tests for `spdygate.dialect.errortext`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.errortext import understand_error, understand_reset
from spdygate.dialect.tunnel import Failure, Reason

HOP = "node n1: "

#: What cri-streaming writes before a runtime's words, with a sandbox's id for
#: the pod, as a runtime knows it, and without a uid.
PREFIX = "error forwarding port 80 to pod 5e1f, uid : "

#: Texts of real peers (docs/protocol.rst, 2.4 and 2.5), and what they mean.
TEXTS = {
    # containerd.
    'failed to find sandbox "5e1f" in store: not found': Reason.POD_GONE,
    'network namespace for sandbox "5e1f" is closed': Reason.POD_GONE,
    "sandbox container is not running": Reason.POD_GONE,
    'failed to execute portforward in network namespace "/var/run/netns/cni-1": '
    'failed to connect to localhost:80 inside namespace "5e1f", IPv4: dial tcp4 '
    "127.0.0.1:80: connect: connection refused IPv6 dial tcp6 [::1]:80: connect: "
    "connection refused ": Reason.REFUSED,
    'failed to execute portforward in network namespace "/var/run/netns/cni-1": '
    "dial tcp 10.1.2.3:80: connect: no route to host": Reason.REFUSED,
    'failed to execute portforward in network namespace "/var/run/netns/cni-1": '
    "dial tcp 10.1.2.3:80: i/o timeout": Reason.TIMEOUT,
    'failed to execute portforward in network namespace "/var/run/netns/cni-1": '
    "read tcp4 127.0.0.1:41000->127.0.0.1:80: read: connection reset by peer": (
        Reason.TARGET_RESET
    ),
    'failed to execute portforward for "5e1f" port 80: write tcp4 '
    "127.0.0.1:41000->127.0.0.1:80: write: broken pipe": Reason.TARGET_RESET,
    # CRI-O.
    "sandbox 5e1f is not running": Reason.POD_GONE,
    "could not find sandbox 5e1f": Reason.POD_GONE,
    "PodSandbox with ID starting with 5e1f not found: no such id": Reason.POD_GONE,
    "network namespace path of sandbox 5e1f is empty": Reason.POD_GONE,
    'port forward into network namespace "/var/run/netns/1": failed to connect to '
    "localhost:80 inside namespace 5e1f: dial tcp4 127.0.0.1:80: connect: "
    "connection timed out": Reason.TIMEOUT,
    # The kubelet, Docker, socat.
    "pod not found": Reason.POD_GONE,
    "container not running (5e1f)": Reason.POD_GONE,
    "unable to do port forwarding: socat not found.": Reason.REFUSED,
    "context deadline exceeded": Reason.TIMEOUT,
    "something nobody has written yet": Reason.REFUSED,
}


class TextTests(SynchronousTestCase):
    """The words of real peers."""

    def test_every_text(self) -> None:
        """Each means what it says, with and without what stands before it."""
        for text, reason in TEXTS.items():
            for written in (text, PREFIX + text, PREFIX.capitalize() + text):
                with self.subTest(written):
                    expected = Failure(reason, HOP + text.strip())
                    self.assertEqual(understand_error(written, HOP), expected)

    def test_the_librarys_own(self) -> None:
        """What is said of streams is no fault of the pod."""
        timeout = "(conn=0xc000, request=0) timed out waiting for streams"
        self.assertIs(understand_error(timeout, HOP).reason, Reason.TIMEOUT)
        twice = "error processing stream for request 0: error stream already assigned"
        self.assertIs(understand_error(twice, HOP).reason, Reason.PROTOCOL)

    def test_a_name_means_nothing(self) -> None:
        """A pod may be called after an error."""
        text = "error forwarding port 80 to pod no-such-container, uid a-b: EOF"
        self.assertEqual(
            understand_error(text, HOP), Failure(Reason.REFUSED, HOP + "EOF")
        )

    def test_empty(self) -> None:
        """No words are named as such."""
        for text in ("", " \n", PREFIX):
            words = understand_error(text, HOP).message
            self.assertTrue(words.startswith(HOP) and len(words) > len(HOP), words)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text gives a failure whose message is one line of bounded length."""
        message = understand_error(text * 50, HOP).message
        self.assertTrue(message.startswith(HOP))
        self.assertTrue(message.isprintable())
        self.assertLessEqual(len(message), len(HOP) + 1024)


class ResetTests(SynchronousTestCase):
    """A reset without words."""

    def test_instead_of_an_answer(self) -> None:
        """REFUSED_STREAM did nothing; any other code refuses."""
        self.assertIs(understand_reset(3, answered=False).reason, Reason.RETRY)
        for code in (1, 2, 5, 99):
            self.assertIs(understand_reset(code, answered=False).reason, Reason.REFUSED)

    def test_of_an_open_stream(self) -> None:
        """Whatever the code, what was open broke: it cannot be asked again."""
        for code in (3, 5, 99):
            reason = understand_reset(code, answered=True).reason
            self.assertIs(reason, Reason.TARGET_RESET)
