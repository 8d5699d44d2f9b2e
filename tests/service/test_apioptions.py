"""Tests for `spdygate.service.apioptions`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from spdygate.service.gatewayoptions import Options
from spdygate.service.gatewaysettings import GatewaySettings
from tests.certificates import Authority

from .commandline import CommandCase


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
