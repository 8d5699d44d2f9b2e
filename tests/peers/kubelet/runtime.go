package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// loopback is a portforward.PortForwarder that behaves as containerd's
// up to 2.x (internal/cri/server/sandbox_portforward_linux.go), with this machine's
// loopback in the place of the pod's network namespace.
type loopback struct {
	grace time.Duration
}

// PortForward connects stream to a port, and says what went wrong in containerd's
// words; the library puts them on the error stream.
func (l loopback) PortForward(ctx context.Context, sandbox, _ string, port int32, stream io.ReadWriteCloser) error {
	if err := l.forward(ctx, sandbox, port, stream); err != nil {
		return fmt.Errorf("failed to execute portforward in network namespace %q: %w", "host", err)
	}
	return nil
}

// forward carries bytes until grace after one direction has ended.
//
// As in containerd, nothing half-closes: the end of the client's bytes is never
// shown to the pod, and what the pod sends later than grace is lost. The stream
// is closed even if the dial fails, so its FIN comes before the error's text.
func (l loopback) forward(ctx context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	conn, err := dial(ctx, sandbox, port)
	if err != nil {
		return err
	}
	defer conn.Close()

	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(stream, conn)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(conn, stream)
		ended <- err
	}()
	var first error
	select {
	case first = <-ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case second := <-ended:
		if first == nil {
			first = second
		}
	case <-time.After(l.grace):
	case <-ctx.Done():
		return ctx.Err()
	}
	return first
}

// dial tries IPv4, then IPv6, and reports both failures in containerd's words.
func dial(ctx context.Context, sandbox string, port int32) (net.Conn, error) {
	var dialer net.Dialer
	conn, err4 := dialer.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err4 == nil {
		return conn, nil
	}
	conn, err6 := dialer.DialContext(ctx, "tcp6", fmt.Sprintf("[::1]:%d", port))
	if err6 == nil {
		return conn, nil
	}
	return nil, fmt.Errorf("failed to connect to localhost:%d inside namespace %q, IPv4: %v IPv6 %v ", port, sandbox, err4, err6)
}
