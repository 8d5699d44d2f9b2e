"""Tests for `spdygate.service.gatewayoptions`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from spdygate.dialect.servedspdy import Errors
from spdygate.service.gatewayoptions import Options
from spdygate.service.gatewaysettings import GatewaySettings
from tests.certificates import Authority

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


class ApiTests(CommandCase):
    """Where the API server is."""

    def understood(self, *words: str) -> GatewaySettings:
        """Return what a command line says."""
        options = Options()
        options.parseOptions(words)
        return options.settings

    def kubeconfig(self) -> str:
        """Write a kubeconfig; return its name."""
        path = Path(self.mktemp())
        path.write_text(
            "contexts: [{name: c, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}]\n"
        )
        return str(path)

    def test_api_server(self) -> None:
        """With an API server there is no node service here, unless pods are."""
        settings = self.understood("--api-server", "https://10.0.0.1:6443")
        assert settings.api is not None
        self.assertEqual(settings.api.authority, "10.0.0.1:6443")
        self.assertFalse(settings.embedded)
        here = ("--pod", "a/b=127.0.0.1")
        self.assertTrue(self.understood("--api-server", "http://h", *here).embedded)

    def test_kubeconfig(self) -> None:
        """One context of one file."""
        settings = self.understood("--kubeconfig", self.kubeconfig(), "--context", "c")
        assert settings.api is not None
        self.assertEqual(settings.api.authority, "10.0.0.1:6443")

    def test_in_cluster(self) -> None:
        """The environment and the account of a pod."""
        folder = Path(self.mktemp())
        folder.mkdir()
        Authority().write(folder)
        (folder / "token").write_text("secret")

        class InPod(Options):
            environment: ClassVar[Mapping[str, str]] = {
                "KUBERNETES_SERVICE_HOST": "10.96.0.1",
                "KUBERNETES_SERVICE_PORT": "443",
            }
            account: ClassVar[Path] = folder

        options = InPod()
        options.parseOptions(["--in-cluster"])
        assert options.settings.api is not None
        self.assertEqual(options.settings.api.authority, "10.96.0.1")
        InPod.environment = {}
        self.assertIn(
            "this is no pod of a cluster", self.refusal(InPod(), "--in-cluster")
        )

    def test_nothing_is_looked_for(self) -> None:
        """No kubeconfig is read that the command line does not name."""
        home = Path(self.mktemp())
        (home / ".kube").mkdir(parents=True)
        (home / ".kube" / "config").write_bytes(Path(self.kubeconfig()).read_bytes())
        pod = {
            "HOME": str(home),
            "KUBECONFIG": str(home / ".kube" / "config"),
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "KUBERNETES_SERVICE_PORT": "443",
        }
        with patch.dict(os.environ, pod):
            settings = self.understood()
        self.assertIsNone(settings.api)
        self.assertTrue(settings.embedded)

    def test_one_way(self) -> None:
        """It is said in one way, and the other is named."""
        server = ("--api-server", "https://h")
        for words, said in (
            ((*server, "--in-cluster"), "--in-cluster: --api-server says where"),
            ((*server, "--kubeconfig", "f"), "--kubeconfig: --api-server says where"),
            (("--in-cluster", "--kubeconfig", "f"), "--in-cluster: --kubeconfig says"),
        ):
            self.assertIn(said, self.refusal(Options(), *words))

    def test_belongings(self) -> None:
        """What belongs to one way is of no use in another."""
        for option in ("api-ca", "api-cert", "api-key", "api-token-file"):
            message = self.refusal(Options(), f"--{option}", "f", "--in-cluster")
            self.assertEqual(message, f"--{option} f: it goes with --api-server only")
        message = self.refusal(Options(), "--context", "c", "--api-server", "https://h")
        self.assertEqual(message, "--context c: it goes with --kubeconfig only")
        for option in ("api-server", "kubeconfig"):
            message = self.refusal(Options(), f"--{option}", "")
            self.assertIn(f"--{option} is empty", message)

    def test_template(self) -> None:
        """Addresses are filled in by an API server, or not at all."""
        node = ("--node", "*=https://{address}:10443")
        message = self.refusal(Options(), *node)
        self.assertIn("{address} is told by an API server; give --api-server", message)
        settings = self.understood(*node, "--api-server", "https://h")
        assert settings.any_node is not None
        self.assertTrue(settings.any_node.by_address)
