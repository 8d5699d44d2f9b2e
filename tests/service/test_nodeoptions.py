"""Tests for `spdygate.service.nodeoptions`."""

from __future__ import annotations

from pathlib import Path

from spdygate.service.gatewayoptions import Options
from tests.certificates import Authority

from .commandline import CommandCase

N1 = ("--node", "n1=http://127.0.0.1:10443")


class NodeOptionsTests(CommandCase):
    """How nodes are reached, and what is shown to them."""

    def understood(self, *words: str) -> Options:
        """Return a command line that is understood."""
        options = Options()
        options.parseOptions(words)
        return options

    def test_node_files(self) -> None:
        """Files for nodes come in pairs, can be read, and are of use."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority()
        ca = authority.write(folder)
        cert, key = authority.client("gateway").write(folder, "gateway")
        secure = ("--node", "n1=https://127.0.0.1:10443")
        files = ("--node-ca", ca, "--node-cert", cert, "--node-key", key)
        self.understood(*secure, *files)
        message = self.refusal(Options(), *secure, "--node-cert", cert)
        self.assertIn("give --node-key too", message)
        message = self.refusal(Options(), *secure, "--node-ca", "/nowhere")
        self.assertIn("--node-ca: /nowhere", message)
        message = self.refusal(Options(), *N1, "--node-ca", ca)
        self.assertIn("no node is reached by TLS; give --node NAME=https", message)

    def test_node_token(self) -> None:
        """A token for kubelets needs a node that is reached by TLS."""
        file = Path(self.mktemp())
        file.write_text("secret")
        words = ("--node-token-file", str(file))
        secure = ("--node", "n1=https://127.0.0.1:10250,generation=spdy")
        settings = self.understood(*secure, *words).settings
        assert settings.node_token is not None
        self.assertEqual(settings.node_token.token(), "secret")
        self.assertEqual(settings.nodes[0].generation, "spdy")
        message = self.refusal(Options(), *N1, *words)
        self.assertIn(f"--node-token-file {file}: no node is reached by TLS", message)
        message = self.refusal(Options(), *secure, "--node-token-file", "/nowhere")
        self.assertIn("--node-token-file /nowhere: there is no such file", message)

    def test_template(self) -> None:
        """Addresses are filled in by an API server, or not at all."""
        node = ("--node", "*=https://{address}:10443")
        message = self.refusal(Options(), *node)
        self.assertIn("{address} is told by an API server; give --api-server", message)
        settings = self.understood(*node, "--api-server", "https://h").settings
        assert settings.any_node is not None
        self.assertTrue(settings.any_node.by_address)
