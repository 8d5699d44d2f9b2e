"""The options that say where the API server is, and who we are to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from .apisettings import (
    ACCOUNT,
    ApiFiles,
    ApiSettings,
    api_server,
    from_kubeconfig,
    in_cluster,
)
from .options import Options, Row
from .settings import SettingError

#: The ways to say where the API server is; one of them at most.
_API_WAYS = ("api-server", "kubeconfig", "in-cluster")


class ApiOptions(Options):
    """
    What is said of the API server.

    :cvar environment: where Kubernetes tells a pod the API server's address.
    :cvar account: where it puts the account of the pod.
    """

    environment: ClassVar[Mapping[str, str]] = os.environ

    account: ClassVar[Path] = ACCOUNT

    optFlags: ClassVar[list[Row]] = [
        [
            "in-cluster",
            None,
            (
                "The API server is that of the cluster in whose pod this runs, and "
                "we are the pod's account."
            ),
        ],
    ]

    optParameters: ClassVar[list[Row]] = [
        [
            "api-server",
            None,
            None,
            "The API server, as https://HOST, https://HOST:PORT or with a path.",
        ],
        ["api-ca", None, None, "PEM file: the API server's CAs; else the platform's."],
        [
            "api-cert",
            None,
            None,
            (
                "PEM file: what we show to the API server when we list pods and "
                "open tunnels, never with what is passed on for a client."
            ),
        ],
        ["api-key", None, None, "PEM file: the key of --api-cert."],
        [
            "api-token-file",
            None,
            None,
            "File: a bearer token to show it likewise; read again when it changes.",
        ],
        [
            "kubeconfig",
            None,
            None,
            (
                "File: a kubeconfig that says where the API server is and who we "
                "are. No other is ever read, neither that of $KUBECONFIG nor that of "
                "$HOME."
            ),
        ],
        ["context", None, None, "Which context of --kubeconfig; else its current one."],
    ]

    def api_settings(self) -> ApiSettings | None:
        """
        Read where the API server is, if it is said.

        :raises SettingError: it is said in more ways than one, or badly.
        """
        said = [way for way in _API_WAYS if self[way]]
        if len(said) > 1:
            raise SettingError(
                f"--{said[1]}: --{said[0]} says where the API server is; "
                "leave one of the two out"
            )
        self._check_belongings()
        url, kubeconfig = self.word("api-server"), self.word("kubeconfig")
        if url is not None:
            names = ("api-ca", "api-cert", "api-key", "api-token-file")
            return api_server(url, ApiFiles(*map(self.word, names)))
        if kubeconfig is not None:
            return from_kubeconfig(kubeconfig, self.word("context"))
        if self["in-cluster"]:
            return in_cluster(self.environment, self.account)
        return None

    def _check_belongings(self) -> None:
        """Refuse what says more about an API server that is said otherwise."""
        for option, of in (
            ("api-ca", "api-server"),
            ("api-cert", "api-server"),
            ("api-key", "api-server"),
            ("api-token-file", "api-server"),
            ("context", "kubeconfig"),
        ):
            value = self.word(option)
            if value is not None and not self[of]:
                raise SettingError(f"--{option} {value}: it goes with --{of} only")
