"""Tests for `spdygate.net.apiserver`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.apiserver import ApiServer

from .apifake import FakeApi, MemoryServer


class ApiServerTests(SynchronousTestCase):
    """How the API server is reached."""

    def test_words(self) -> None:
        """It is called by its URL, and without a credential shows nothing."""
        endpoint = MemoryServer(FakeApi(), Clock())
        url = "https://10.0.0.1:6443/prefix"
        api = ApiServer(url, "10.0.0.1:6443", "https", "/prefix", endpoint, endpoint)
        self.assertEqual(str(api), "API server https://10.0.0.1:6443/prefix")
        self.assertEqual(api.credential(), ())
