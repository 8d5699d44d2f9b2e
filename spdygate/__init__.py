"""
spdygate: every generation of Kubernetes port-forward, to every generation of node.

The house, from the ground up; imports point down, never up:

``errors``
    what may go wrong, and whose fault it is
``wire``
    bytes <-> values
``session``
    one connection's state: feed bytes, get events, ask for bytes to send
``dialect``
    each generation of port-forward, and of what is passed on to an API server
    <-> the one vocabulary of tunnels
``gateway``
    what joins two dialects: relay, switchboard, routing; which generation a
    node speaks; what is known of the cluster, and what it is asked

Up to here everything is pure: no Twisted, no socket, no clock.

``net``
    sessions meet transports, TLS and timers: clients come in, nodes are
    dialled, the API server is asked and watched
``observe``
    what an operator sees
``node``
    the node side: which pod, how to reach its port
``service``
    text in, services out: what ``twistd`` sees
"""

__version__ = "0.1.0"
