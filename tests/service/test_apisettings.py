"""Tests for `spdygate.service.apisettings`."""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock

from spdygate.errors import SpdygateError
from spdygate.net.tls import TlsError
from spdygate.net.tokenfile import TokenError
from spdygate.service.apisettings import (
    ApiFiles,
    ApiSettings,
    api_server,
    from_kubeconfig,
    in_cluster,
)
from spdygate.service.settings import SettingError
from tests.certificates import Authority

from .test_settings import SettingCase

NONE = ApiFiles()


class ApiCase(SettingCase):
    """Files of an API server."""

    def setUp(self) -> None:
        """Write a CA, a client certificate and a token."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.authority = Authority()
        self.ca = self.authority.write(self.folder)
        self.client = self.authority.client("gateway")
        self.cert, self.key = self.client.write(self.folder, "gateway")
        self.token = str(self.folder / "token")
        Path(self.token).write_text("secret\n")

    def assert_shows(self, settings: ApiSettings, token: str) -> None:
        """Assert that a bearer token is shown."""
        self.assertEqual(settings.credential(), (("authorization", f"Bearer {token}"),))


class ServerTests(ApiCase):
    """``--api-server`` and its files."""

    def test_urls(self) -> None:
        """Port and path may be left out; the usual port is not shown."""
        for url, authority, path in (
            ("https://api.example", "api.example", ""),
            ("https://api.example/", "api.example", ""),
            ("https://api.example:443", "api.example", ""),
            ("https://api.example:80", "api.example:80", ""),
            ("http://10.0.0.1", "10.0.0.1", ""),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", ""),
            ("https://rancher/k8s/clusters/c-1", "rancher", "/k8s/clusters/c-1"),
            ("https://rancher/k8s/clusters/c-1/", "rancher", "/k8s/clusters/c-1"),
        ):
            with self.subTest(url):
                api = api_server(url, NONE).connect(MemoryReactorClock())
                self.assertEqual((api.authority, api.prefix), (authority, path))
                self.assertEqual(api.url, f"{api.scheme}://{authority}{path}")
                self.assertEqual(api.credential(), ())

    def test_bad_urls(self) -> None:
        """What is no URL, or no plain one, gets the form."""
        for url in (
            "", "api.example", "ftp://h", "https://", "https://h:x", "https://h/?q",
            "https://u@h", "https://h/#f", "https://h/a//b", "https://h/../x",
            "https://h/%2e", "https://h/.", "https://10.0.0.300",
        ):  # fmt: skip
            with self.subTest(url):
                error = self.assertRaises(SettingError, api_server, url, NONE)
                self.assert_says(error, f"--api-server {url}: ", "write https://HOST")

    def test_files(self) -> None:
        """Our certificate is for our own questions, and never for a client's."""
        files = ApiFiles(self.ca, self.cert, self.key, self.token)
        settings = api_server("https://api.example", files)
        self.assert_shows(settings, "secret")
        self.assertIsNot(settings.tls, settings.plain_tls)
        api = settings.connect(MemoryReactorClock())
        self.assertIsNot(api.endpoint, api.plain_endpoint)
        settings = api_server("https://api.example", ApiFiles(self.ca))
        self.assertIs(settings.tls, settings.plain_tls)

    def test_files_that_cannot_be_used(self) -> None:
        """The option and the file are named."""
        url = "https://api.example"
        for files, said in (
            (ApiFiles(ca="/nowhere"), "--api-ca: /nowhere"),
            (ApiFiles(cert=self.cert), "give --api-key too"),
            (ApiFiles(key=self.key), "give --api-cert too"),
            (
                ApiFiles(token="/nowhere"),
                "--api-token-file /nowhere: there is no such file",
            ),
        ):
            error = self.assertRaises(SpdygateError, api_server, url, files)
            self.assertIn(said, str(error))

    def test_in_the_clear(self) -> None:
        """Without TLS there is nothing for files, and a token stays at home."""
        url = "http://10.0.0.1"
        error = self.assertRaises(SettingError, api_server, url, ApiFiles(self.ca))
        self.assert_says(error, f"--api-ca {self.ca}: ", "not reached by TLS")
        with_token = ApiFiles(token=self.token)
        error = self.assertRaises(SettingError, api_server, url, with_token)
        self.assert_says(error, "--api-token-file", "in the clear", "write https://")
        for host in ("127.0.0.1", "[::1]", "localhost"):
            settings = api_server(f"http://{host}:8080", with_token)
            self.assert_shows(settings, "secret")
            self.assertTrue(settings.near)
            self.assertIsNone(settings.tls)
        self.assertFalse(api_server("https://localhost.example", NONE).near)


class KubeConfigTests(ApiCase):
    """``--kubeconfig``."""

    def write(self, cluster: str, user: str) -> str:
        """Write a kubeconfig with one cluster and one user."""
        path = self.folder / "config"
        path.write_text(
            "current-context: c\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
            f"clusters: [{{name: c, cluster: {{{cluster}}}}}]\n"
            f"users: [{{name: u, user: {{{user}}}}}]\n"
        )
        return str(path)

    def test_data(self) -> None:
        """Certificates may be in the file itself; a token needs no file either."""
        ca, cert, key = (
            base64.b64encode(data).decode()
            for data in (
                self.authority.pem,
                self.client.cert_pem,
                self.client.key_pem,
            )
        )
        path = self.write(
            f"server: 'https://10.0.0.1:6443', certificate-authority-data: {ca}",
            f"client-certificate-data: {cert}, client-key-data: {key}, token: abc",
        )
        settings = from_kubeconfig(path, None)
        self.assertEqual(settings.authority, "10.0.0.1:6443")
        self.assertIsNot(settings.tls, settings.plain_tls)
        self.assert_shows(settings, "abc")

    def test_token_file(self) -> None:
        """A file comes before a token, as it may be newer."""
        path = self.write("server: 'https://h'", "token: old, tokenFile: token")
        self.assert_shows(from_kubeconfig(path, None), "secret")

    def test_wrong(self) -> None:
        """What is wrong in the file is said of the file, not of other options."""
        for cluster, user, said in (
            ("server: 'h:1'", "", 'cluster "c": server h:1: write https://HOST'),
            ("server: 'http://h'", "token: x", "the user's token would be sent in"),
            ("server: 'https://h'", "token: 'a b'", "token: this is no bearer token"),
            (
                "server: 'https://h', certificate-authority-data: UEVN",
                "",
                'cluster "c": certificate-authority-data: there is no certificate',
            ),
        ):
            path = self.write(cluster, user)
            error = self.assertRaises(SpdygateError, from_kubeconfig, path, None)
            self.assertIn(said, str(error))
            self.assertTrue(str(error).startswith(f"--kubeconfig {path}"), error)
            self.assertNotIn("--api", str(error))
            self.assertNotIn("\n", str(error))


class InClusterTests(ApiCase):
    """``--in-cluster``."""

    def environment(self, host: str = "10.96.0.1", port: str = "443") -> dict[str, str]:
        """Return what Kubernetes puts into the environment of a pod."""
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}

    def test_understood(self) -> None:
        """The address is in the environment, the account in files."""
        settings = in_cluster(self.environment(port="6443"), self.folder)
        self.assertEqual(settings.authority, "10.96.0.1:6443")
        self.assert_shows(settings, "secret")
        settings = in_cluster(self.environment("fd00::1"), self.folder)
        self.assertEqual(settings.authority, "[fd00::1]")

    def test_no_pod(self) -> None:
        """Outside of a cluster there is something else to give."""
        for environment in ({}, self.environment(host=""), self.environment(port="")):
            error = self.assertRaises(
                SettingError, in_cluster, environment, self.folder
            )
            self.assert_says(error, "--in-cluster: ", "give --api-server or --kubec")

    def test_no_account(self) -> None:
        """A pod may be without an account: then the missing file is named."""
        Path(self.token).unlink()
        error = self.assertRaises(
            TokenError, in_cluster, self.environment(), self.folder
        )
        self.assertIn(f"--in-cluster: {self.token}: there is no such file", str(error))
        Path(self.ca).unlink()
        error = self.assertRaises(
            SettingError, in_cluster, self.environment(), self.folder
        )
        self.assert_says(error, f"--in-cluster: {self.ca}: there is no such file")
        Path(self.ca).write_text("junk")
        Path(self.token).write_text("secret")
        error = self.assertRaises(TlsError, in_cluster, self.environment(), self.folder)
        self.assertTrue(str(error).startswith(f"--in-cluster: {self.ca}: there is no"))
