"""The command line of ``twistd spdygate``: what is written, and what it means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ..net.tls import ClientTls
from ..net.tokenfile import TokenFile
from .apisettings import (
    ACCOUNT,
    ApiFiles,
    ApiSettings,
    api_server,
    from_kubeconfig,
    in_cluster,
)
from .gatewaysettings import GatewaySettings
from .nodesettings import ADDRESS, NodeUrl, check_nodes_of, read_node
from .options import ListeningOptions, Row
from .settings import (
    SettingError,
    check_reach,
    check_unique,
    read_errors,
    read_listeners,
    read_pod,
    read_seconds,
)

#: Where the gateway listens unless it is told.
DEFAULT_LISTEN = "tcp:8001:interface=127.0.0.1"

#: The ways to say where the API server is; one of them at most.
_API_WAYS = ("api-server", "kubeconfig", "in-cluster")


class Options(ListeningOptions):
    """
    The command line of the gateway.

    :cvar environment: where Kubernetes tells a pod the API server's address.
    :cvar account: where it puts the account of the pod.
    """

    command = "twistd spdygate"

    default_listen = DEFAULT_LISTEN

    environment: ClassVar[Mapping[str, str]] = os.environ

    account: ClassVar[Path] = ACCOUNT

    about = """\
Takes port-forward clients of every generation (kubectl, oc, client-go, the
libraries of other languages) and carries their connections to nodes of every
generation. With an API server known, it finds pods and nodes by itself, and
everything that is no port-forward is passed on to the API server. With neither
--node nor an API server it is a node itself, and with no --pod either it has a
pod to try: default/demo.
"""

    examples = """\
Try it with the demo pod (-n: stay in the foreground; without it twistd goes to
the background and logs into twistd.log):

  twistd -n --pidfile= spdygate

  kubectl --server http://127.0.0.1:8001 port-forward pod/demo 8080:80
  curl http://127.0.0.1:8080/

Forward to an address that this machine reaches:

  twistd -n --pidfile= spdygate --pod default/web=10.0.0.7

In front of an API server, which then finds the node of each pod itself. What is
passed on shows the client's token, never ours; ours lists pods and nodes, and
opens tunnels:

  twistd -n --pidfile= spdygate --api-server https://10.0.0.1:6443 \\
    --api-ca ca.pem --api-token-file token

The same, as one context of a kubeconfig has it:

  twistd -n --pidfile= spdygate --kubeconfig admin.conf --context staging

In a pod of the cluster, whose account may list and watch pods and nodes, with
`twistd spdygate-node` on every node at port 10443:

  twistd -n --pidfile= spdygate --in-cluster \\
    --node '*=https://{address}:10443' \\
    --node-ca ca.pem --node-cert gateway.pem --node-key gateway.key

With some nodes that are real kubelets, said to be so, and no API server:

  twistd -n --pidfile= spdygate \\
    --node n1=https://10.0.0.1:10443,generation=http2 --pod default/web@n1 \\
    --node n2=https://10.0.0.2:10250,generation=spdy --pod default/db@n2 \\
    --node-ca ca.pem --node-token-file kubelet-token
"""

    optFlags: ClassVar[list[Row]] = [
        [
            "in-cluster",
            None,
            (
                "The API server is that of the cluster in whose pod this runs, and "
                "we are the pod's account."
            ),
        ],
        [
            "insecure-anonymous",
            None,
            (
                "Let other machines connect: without it, only listeners on loopback "
                "are allowed. Nobody is asked who they are, and whoever connects "
                "reaches every pod."
            ),
        ],
    ]

    optParameters: ClassVar[list[Row]] = [
        [
            "errors",
            None,
            "isolate",
            (
                "What a failed connection does to the session of its client: "
                "'isolate' resets it alone; 'kubelet' does as a kubelet does, and "
                "kubectl 1.23 and later end with it."
            ),
        ],
        [
            "hold-fin",
            None,
            "30",
            (
                "Seconds for which a client's end of input is held back from real "
                "kubelets, which would cut off the pod's answer 1 s after it; until "
                "the pod is done or was silent so long. 0: not at all."
            ),
        ],
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
        ["node-ca", None, None, "PEM file: the CAs of nodes; else the platform's."],
        ["node-cert", None, None, "PEM file: what we show to nodes that ask."],
        ["node-key", None, None, "PEM file: the key of --node-cert."],
        [
            "node-token-file",
            None,
            None,
            (
                "File: a bearer token to show to nodes that are kubelets, over TLS "
                "only; read again when it changes."
            ),
        ],
    ]

    settings: GatewaySettings

    def opt_node(self, node: str) -> None:
        """
        A node, as NAME=URL, where the URL is https://HOST:PORT or
        http://HOST:PORT; '*=URL' takes every node that is not named, and with an
        API server known '*=https://{address}:PORT' reaches each at its own
        InternalIP. What it speaks is found out, unless ,generation= and one of
        http2 (spdygate-node), spdy, tunnel or channels (kubelets) stands behind
        the URL. May be given several times. Default: the API server reaches
        nodes itself; without one, the node service in this process.
        """
        self.add("node", node)

    def opt_pod(self, declaration: str) -> None:
        """
        A pod, as NS/NAME=HOST if this machine reaches its ports at HOST (a
        name or an address, without a port), or as NS/NAME@NODE if it is on a
        --node: the URLs of kubectl name no node. May be given several times,
        and comes before what the API server says. Default, with neither --node
        nor an API server: default/demo.
        """
        self.add("pod", declaration)

    def understand(self) -> None:
        """Turn text into `GatewaySettings`."""
        nodes = [read_node(text) for text in self.many("node")]
        check_unique("--node", [node.name for node in nodes])
        pods = [read_pod(text, may_name_node=True) for text in self.many("pod")]
        check_unique("--pod", [f"{pod.namespace}/{pod.name}" for pod in pods])
        check_nodes_of(pods, nodes)
        listeners = read_listeners(self.many("listen"), DEFAULT_LISTEN)
        exposed = bool(self["insecure-anonymous"])
        check_reach(listeners, exposed, "--insecure-anonymous")
        api = self._api()
        self._check_template(nodes, api)
        node_tls, node_token = self._node_files(nodes)
        self.settings = GatewaySettings(
            listeners,
            self.server_tls((b"h2", b"http/1.1")),
            nodes,
            node_tls,
            pods,
            read_errors(str(self["errors"])),
            exposed,
            api,
            node_token,
            read_seconds("--hold-fin", str(self["hold-fin"]), or_never=True),
        )

    def _api(self) -> ApiSettings | None:
        """Read where the API server is, if it is said, in the one way that it is."""
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

    @staticmethod
    def _check_template(nodes: list[NodeUrl], api: ApiSettings | None) -> None:
        """Refuse to fill in addresses that nobody tells."""
        for node in nodes:
            if node.by_address and api is None:
                raise SettingError(
                    f"--node {node.name}={node.url}: {ADDRESS} is told by an API "
                    "server; give --api-server, --kubeconfig or --in-cluster too"
                )

    def _node_files(self, nodes: list[NodeUrl]) -> tuple[ClientTls, TokenFile | None]:
        """Read the files for nodes; refuse files that no node would make use of."""
        names = ("node-ca", "node-cert", "node-key", "node-token-file")
        ca, cert, key, token = files = tuple(map(self.word, names))
        tls = ClientTls(ca, cert, key, protocols=(b"h2", b"http/1.1"))
        secure = any(node.scheme == "https" for node in nodes)
        for option, file in zip(names, files, strict=True):
            if file is not None and not secure:
                raise SettingError(
                    f"--{option} {file}: no node is reached by TLS; "
                    f"give --node NAME=https://HOST:PORT, or leave --{option} out"
                )
        if token is None:
            return tls, None
        return tls, TokenFile("--node-token-file", token)
