"""Tests for `spdygate.service.kubeconfig`."""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from spdygate.service.kubeconfig import LARGEST, KubeConfig, read_kubeconfig
from spdygate.service.settings import SettingError

from .test_settings import SettingCase

#: As ``kubectl config`` and kubeadm write it.
WRITTEN = """\
apiVersion: v1
kind: Config
current-context: admin@staging
preferences: {}
clusters:
- name: staging
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority: pki/ca.crt
    tls-server-name: kubernetes
- name: production
  cluster:
    server: https://192.0.2.1
    certificate-authority-data: UEVNIG9mIGEgQ0E=
contexts:
- name: admin@staging
  context:
    cluster: staging
    user: admin
    namespace: shop
- name: robot@production
  context:
    cluster: production
    user: robot
- name: nobody@production
  context:
    cluster: production
users:
- name: admin
  user:
    client-certificate-data: UEVNIG9mIGEgY2VydGlmaWNhdGU=
    client-key-data: |
      UEVNIG9m
      IGEga2V5
- name: robot
  user:
    token: secret
    tokenFile: token
"""


class KubeConfigCase(SettingCase):
    """A kubeconfig in a folder."""

    def setUp(self) -> None:
        """Write one."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "config"
        self.path.write_text(WRITTEN)
        (self.folder / "pki").mkdir()
        (self.folder / "pki" / "ca.crt").write_text("PEM of another CA")

    def read(self, context: str | None = None) -> KubeConfig:
        """Read it."""
        return read_kubeconfig(str(self.path), context)

    def refusal(self, context: str | None = None) -> str:
        """Return why it cannot be used, in one line that names the file."""
        said = str(self.assertRaises(SettingError, self.read, context))
        self.assertTrue(said.startswith(f"--kubeconfig {self.path}"), said)
        self.assertNotIn("\n", said)
        return said

    def change(self, plural: str, kind: str, **news: Any) -> None:
        """Add to the first cluster or user; None takes away."""
        document = yaml.safe_load(WRITTEN)
        part = document[plural][0][kind]
        for name, value in news.items():
            key = name.replace("_", "-")
            part.pop(key, None)
            if value is not None:
                part[key] = value
        self.path.write_text(yaml.safe_dump(document))


class ReadingTests(KubeConfigCase):
    """What is understood."""

    def test_current_context(self) -> None:
        """Without a name it is the current context; files are beside the file."""
        found = self.read()
        self.assertEqual(found.server, "https://10.0.0.1:6443")
        self.assertEqual(found.server_name, "kubernetes")
        assert found.authorities and found.certificate and found.key
        self.assertEqual(found.authorities.data, b"PEM of another CA")
        self.assertEqual(found.certificate.data, b"PEM of a certificate")
        self.assertEqual(found.key.data, b"PEM of a key")
        self.assertEqual((found.token, found.token_file), ("", ""))

    def test_other_context(self) -> None:
        """A name chooses another; data is taken out of the file itself."""
        found = self.read("robot@production")
        self.assertEqual(found.server, "https://192.0.2.1")
        assert found.authorities is not None
        self.assertEqual(found.authorities.data, b"PEM of a CA")
        self.assertIsNone(found.certificate)
        self.assertEqual(found.token, "secret")
        self.assertEqual(found.token_file, str(self.folder / "token"))

    def test_nobody(self) -> None:
        """A context without a user is nobody."""
        found = self.read("nobody@production")
        self.assertEqual((found.certificate, found.key, found.token), (None, None, ""))

    def test_data_before_files(self) -> None:
        """Data in the file comes before a file that is named."""
        data = base64.b64encode(b"inline").decode()
        self.change("clusters", "cluster", certificate_authority_data=data)
        found = self.read()
        assert found.authorities is not None
        self.assertEqual(found.authorities.data, b"inline")
        self.assertIn('cluster "staging"', found.authorities.origin)

    def test_secrets_are_not_shown(self) -> None:
        """Neither token nor key is in what a traceback may show."""
        self.assertNotIn("secret", repr(self.read("robot@production")))
        self.assertNotIn("PEM of a key", repr(self.read()))


class RefusalTests(KubeConfigCase):
    """What is not done, and what to do instead."""

    def test_no_such_context(self) -> None:
        """A name that is not there is answered with those that are."""
        said = self.refusal("nope")
        self.assertIn('there is no context "nope", but admin@staging, robot@', said)

    def test_no_current_context(self) -> None:
        """Without a current context one has to be named."""
        self.path.write_text(WRITTEN.replace("current-context: admin@staging\n", ""))
        self.assertIn("give --context with one of admin@staging, ", self.refusal())
        self.read("robot@production")

    def test_loose_ends(self) -> None:
        """A context whose cluster or user is not there is of no use."""
        self.path.write_text(WRITTEN.replace("cluster: staging", "cluster: gone"))
        self.assertIn('there is no cluster "gone", but staging', self.refusal())
        self.path.write_text(WRITTEN.replace("user: admin", "user: gone"))
        self.assertIn('there is no user "gone", but admin, robot', self.refusal())

    def test_programs(self) -> None:
        """Nothing is run, and no password is sent; a token file is what helps."""
        for name, value in (
            ("exec", {"command": "aws"}),
            ("auth_provider", {"name": "gcp"}),
            ("username", "admin"),
        ):
            self.change("users", "user", **{name: value})
            said = self.refusal()
            self.assertIn(f'user "admin" says {name.replace("_", "-")}: ', said)
            self.assertIn("--api-token-file FILE", said)

    def test_impersonation(self) -> None:
        """We are who we are."""
        self.change("users", "user", **{"as": "root"})
        self.assertIn("says as: nobody is impersonated", self.refusal())

    def test_no_verification(self) -> None:
        """Whoever answers must prove who it is."""
        self.change("clusters", "cluster", insecure_skip_tls_verify=True)
        said = self.refusal()
        self.assertIn('cluster "staging" says insecure-skip-tls-verify', said)
        self.assertIn("write certificate-authority", said)
        self.change("clusters", "cluster", insecure_skip_tls_verify=False)
        self.read()

    def test_proxy(self) -> None:
        """No proxy is used, and none is passed over."""
        self.change("clusters", "cluster", proxy_url="http://proxy:3128")
        self.assertIn("says proxy-url: proxies are not used", self.refusal())

    def test_half_an_identity(self) -> None:
        """A certificate needs its key, and a key its certificate."""
        self.change("users", "user", client_key_data=None)
        self.assertIn('user "admin": write client-key too', self.refusal())
        self.change("users", "user", client_certificate_data=None)
        self.assertIn("write client-certificate too", self.refusal())

    def test_no_server(self) -> None:
        """A cluster without a server is none."""
        self.change("clusters", "cluster", server=None)
        self.assertIn('cluster "staging" has no server', self.refusal())

    def test_strange_values(self) -> None:
        """A text must be a text, and data must be base64."""
        self.change("clusters", "cluster", server=7)
        self.assertIn("server is not a text", self.refusal())
        self.change("users", "user", client_key_data="%%%")
        self.assertIn("client-key-data is not base64", self.refusal())

    def test_missing_files(self) -> None:
        """The file and what names it are named."""
        (self.folder / "pki" / "ca.crt").unlink()
        said = self.refusal()
        self.assertIn(f'cluster "staging": certificate-authority {self.folder}', said)
        self.assertIn("there is no such file", said)
        self.path.unlink()
        self.assertIn("there is no such file", self.refusal())

    def test_no_kubeconfig(self) -> None:
        """What is not YAML says in which line; what is no kubeconfig says so."""
        for text, word in (
            ("a: b: c", ", line 1: this is not YAML"),
            ("[" * 5000, "this is not YAML"),
            ("", "no kubeconfig"),
            ("[]", "no kubeconfig"),
            ("kind: Pod", "no kubeconfig"),
            ("!!python/object/apply:os.getcwd []", "not YAML"),
            ("#" * (LARGEST + 1), "more than 1048576 bytes"),
            (
                "kind: Config",
                "it has no current-context: give --context with one of none",
            ),
        ):
            with self.subTest(text[:20]):
                self.path.write_text(text)
                self.assertIn(word, self.refusal())

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.just("x"),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        ["current-context", "contexts", "context", "name", "cluster"]
                        + ["clusters", "users", "user", "server", "token", "exec"]
                    ),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=20,
        )
    )
    def test_anything(self, document: object) -> None:
        """Any document is a kubeconfig or a `SettingError`."""
        self.path.write_text(yaml.safe_dump(document))
        for context in (None, "x"):
            try:
                self.read(context)
            except SettingError:
                pass
