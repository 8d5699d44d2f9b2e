"""What joins two dialects: the relay, the switchboard, routing, and the API that needs no cluster."""
