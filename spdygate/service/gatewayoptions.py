"""The command line of ``twistd spdygate``: what is written, and what it means."""

from __future__ import annotations

from typing import ClassVar

from .apioptions import ApiOptions
from .gatewaysettings import GatewaySettings
from .nodeoptions import NodeOptions
from .nodesettings import check_nodes_of
from .options import ListeningOptions, Row
from .patienceoptions import PatienceOptions
from .settings import (
    SettingError,
    check_reach,
    check_unique,
    read_count,
    read_errors,
    read_listeners,
    read_pod,
    read_seconds,
)

#: Where the gateway listens unless it is told.
DEFAULT_LISTEN = "tcp:8001:interface=127.0.0.1"

#: More processes than any machine has use for: a slip of the finger.
_MOST_WORKERS = 256


class Options(ListeningOptions, ApiOptions, NodeOptions, PatienceOptions):
    """The command line of the gateway."""

    command = "twistd spdygate"

    default_listen = DEFAULT_LISTEN

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
            "workers",
            None,
            "1",
            (
                "Processes that share the listeners, each with sessions of its own: "
                "as many as there are processors to give. One that dies is replaced."
            ),
        ],
    ]

    settings: GatewaySettings

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
        api = self.api_settings()
        nodes = self.nodes(known=api is not None)
        pods = [read_pod(text, may_name_node=True) for text in self.many("pod")]
        check_unique("--pod", [f"{pod.namespace}/{pod.name}" for pod in pods])
        check_nodes_of(pods, nodes)
        listeners = read_listeners(self.many("listen"), DEFAULT_LISTEN)
        exposed = bool(self["insecure-anonymous"])
        check_reach(listeners, exposed, "--insecure-anonymous")
        node_tls, node_token = self.node_files(nodes)
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
            self.patience(),
            self.ping_window(),
            self._workers(),
        )

    def _workers(self) -> int:
        """Read how many workers there are to be."""
        text = str(self["workers"])
        workers = read_count("--workers", text, _MOST_WORKERS)
        if workers > 1 and self.parent is not None and self.parent.get("chroot"):
            raise SettingError(
                f"--workers {text}: there is no Python to run them below the folder "
                "of twistd --chroot; leave one of the two out"
            )
        return workers
