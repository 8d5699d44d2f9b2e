"""Room: real clients and servers, each release a Go module of its own."""
