"""Each generation of port-forward, translated to and from the one vocabulary of tunnels."""
