"""Every kind of client with every kind of node: one contract, all pairs."""
