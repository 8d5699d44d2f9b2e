"""Tell ``twistd`` about the services of spdygate; import nothing of theirs."""

from twisted.application.service import ServiceMaker

spdygate = ServiceMaker(
    "spdygate",
    "spdygate.service.gateway",
    "Carry port-forward clients of every generation to nodes that speak HTTP/2.",
    "spdygate",
)

spdygate_node = ServiceMaker(
    "spdygate-node",
    "spdygate.service.node",
    "Serve port-forward over HTTP/2 streams on a node.",
    "spdygate-node",
)
