"""Tests for :mod:`spdygate.net.frontdoor`: plain HTTP/1.1, and the log."""

from __future__ import annotations

import json
import re
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.frontdoor import REQUEST_TIMEOUT
from spdygate.net.sockets import FAREWELL
from tests.net.frontdoorcases import (
    ECHOED,
    GENERATION_B,
    GENERATION_C,
    VERSION,
    Client,
)
from tests.session.requests import GENERATION_A, split


class HttpTests(SynchronousTestCase):
    """Plain HTTP/1.1."""

    def test_keep_alive(self) -> None:
        """The API answers one request after another."""
        client = Client()
        for _ in range(2):
            first, _, body = split(client.says(VERSION))
            self.assertEqual(first, b"HTTP/1.1 200 OK")
            self.assertIn("gitVersion", json.loads(body))
        self.assertTrue(client.transport.connected)

    def test_pipelined(self) -> None:
        """Requests that come in one piece get an answer each, in one write."""
        answer = Client().says(VERSION + VERSION.replace(b"/version", b"/no") + VERSION)
        found = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        self.assertEqual(found, [b"200", b"404", b"200"])

    def test_close(self) -> None:
        """A client that asks for it is closed behind its answer, and has no timer."""
        client = Client()
        answer = client.says(VERSION.replace(b"Host", b"Connection: close\r\nHost"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertFalse(client.transport.connected)
        self.assertEqual(client.clock.getDelayedCalls(), [])

    def test_rubbish(self) -> None:
        """What is no HTTP is answered once and closed."""
        client = Client()
        first, _, _ = split(client.says(b"\x80\x03\x00\x01 rubbish\r\n\r\n"))
        self.assertEqual(first.split()[1], b"400")
        self.assertFalse(client.transport.connected)

    def test_timeout(self) -> None:
        """A connection without a request is closed in time, at first and later."""
        for first in (b"", VERSION, b"GET /ver"):
            client = Client()
            if first:
                client.clock.advance(REQUEST_TIMEOUT - 1)
                client.says(first)
            client.clock.advance(REQUEST_TIMEOUT - 1)
            self.assertTrue(client.transport.connected)
            client.clock.advance(1)
            self.assertFalse(client.transport.connected)
            self.assertEqual(client.clock.getDelayedCalls(), [])

    def test_a_request_in_drops(self) -> None:
        """The time is for a whole request: a byte now and then buys none."""
        client = Client()
        for byte in VERSION[:7]:
            client.says(bytes([byte]))
            client.clock.advance(REQUEST_TIMEOUT / 6)
        self.assertFalse(client.transport.connected)

    def test_does_not_read(self) -> None:
        """A client that takes no answer is read from no more, and then aborted."""
        client = Client()
        client.says(VERSION)
        self.assertTrue(client.transport.streaming)
        self.assertEqual(client.transport.producerState, "producing")
        client.transport.congested = True
        client.says(VERSION)
        self.assertEqual(client.transport.producerState, "paused")
        client.transport.stuck = True
        client.clock.advance(REQUEST_TIMEOUT)
        self.assertFalse(client.transport.aborted)
        client.clock.advance(FAREWELL)
        self.assertTrue(client.transport.aborted)

    def test_nothing_after_the_end(self) -> None:
        """What comes while it closes is not answered, and does not delay the end."""
        client = Client()
        client.transport.stuck = True
        client.says(VERSION.replace(b"Host", b"Connection: close\r\nHost"))
        client.clock.advance(FAREWELL - 1)
        self.assertEqual(client.says(VERSION), b"")
        client.clock.advance(1)
        self.assertTrue(client.transport.aborted)

    def test_gone(self) -> None:
        """A client that goes leaves no timer behind."""
        client = Client()
        client.transport.producer = None
        client.transport.loseConnection()
        self.assertEqual(client.clock.getDelayedCalls(), [])

    @given(st.binary(max_size=200))
    def test_any_bytes(self, said: bytes) -> None:
        """Whatever comes is answered or waited for: nothing raises."""
        client = Client()
        if said:
            client.says(said)
        for _ in range(6):  # HTTP/2 asks whether anyone is there, and then waits
            client.clock.advance(REQUEST_TIMEOUT / 6)
        self.assertFalse(client.transport.connected)


class LogTests(SynchronousTestCase):
    """What the log has of a session."""

    def lines(self, request: bytes) -> list[str]:
        """Return what is logged of one session, from request to end."""
        found: list[LogEvent] = []
        keep = cast(ILogObserver, found.append)
        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)
        client = Client()
        client.says(request)
        client.says(client.opens(None if ECHOED not in request else "0"))
        client.clock.advance(2.5)
        client.transport.producer = None
        client.transport.loseConnection()
        self.assertEqual(client.house.sessions, set())
        self.assertEqual(client.dialer.relays[0].over, True)
        globalLogPublisher.removeObserver(keep)
        return [formatEvent(event) for event in found]

    def test_one_line(self) -> None:
        """A session is one line: user agent, generation, target, and why it ended."""
        for request, words in (
            (GENERATION_A, "kubectl/v0.16.0 (linux/amd64) kubernetes/b8dd7c2; "),
            (GENERATION_B, "oc/v3.0.0 (linux/amd64); "),
            (GENERATION_C, "kubectl/v1.30.0 (linux/amd64); "),
        ):
            (line,) = [line for line in self.lines(request) if "session" in line]
            self.assertIn(words, line)
            self.assertIn("-> ns/pod: over after 2.5 s and 1 tunnels", line)
            self.assertIn("the client closed the connection", line)

    def test_generation(self) -> None:
        """The generation is told by what the client asked for."""
        for request, words in (
            (GENERATION_A, "generation A; GET"),
            (GENERATION_B, "generation B; GET"),
            (GENERATION_C, "generation C; POST"),
        ):
            client = Client()
            client.says(request)
            (session,) = client.house.sessions
            self.assertIn(words, session.visit.client)

    def test_no_user_agent(self) -> None:
        """A client that does not say who it is is called unknown."""
        client = Client()
        client.says(GENERATION_B.replace(b"User-Agent", b"X-Agent"))
        (session,) = client.house.sessions
        self.assertTrue(session.visit.client.startswith("unknown client; "))

    def test_numbers(self) -> None:
        """No two sessions have the same number."""
        house = Client().house
        numbers = {house.next_session_id() for _ in range(5)}
        self.assertEqual(len(numbers), 5)
