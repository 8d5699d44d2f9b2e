"""One connection's state in each protocol: feed bytes, get events, ask for bytes to send."""
