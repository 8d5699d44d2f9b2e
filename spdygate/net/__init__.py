"""Where sessions meet transports, TLS and timers."""
