package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/docker/spdystream"
)

// complain writes one line to stderr, where glog wrote.
func complain(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
}

// forward serves every port until stop is closed or the connection is lost.
func forward(stop <-chan struct{}, session *session, ports []portPair) error {
	var listeners []net.Listener
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	for _, port := range ports {
		opened := listen(&port)
		for _, listener := range opened {
			go accept(session, listener, port)
		}
		listeners = append(listeners, opened...)
	}
	if len(listeners) == 0 {
		return fmt.Errorf("Unable to listen on any of the requested ports: %v", ports)
	}
	select {
	case <-stop:
	case <-session.conn.CloseChan():
		complain("Lost connection to pod")
	}
	return nil
}

// listen opens 127.0.0.1 and ::1. If the local port was 0 it becomes the one
// that IPv4 was given.
func listen(port *portPair) []net.Listener {
	var listeners []net.Listener
	for _, family := range [][2]string{{"tcp4", "127.0.0.1"}, {"tcp6", "::1"}} {
		address := net.JoinHostPort(family[1], strconv.Itoa(int(port.local)))
		listener, err := net.Listen(family[0], address)
		if err != nil {
			complain("Unable to create listener: %v", err)
			continue
		}
		port.local = uint16(listener.Addr().(*net.TCPAddr).Port)
		fmt.Printf("Forwarding from %s -> %d\n", listener.Addr(), port.remote)
		listeners = append(listeners, listener)
	}
	return listeners
}

func accept(session *session, listener net.Listener, port portPair) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			complain("Error accepting connection on port %d: %v", port.local, err)
			return
		}
		go handle(session, conn, port)
	}
}

// handle forwards one connection: docs/protocol.rst 1.3.
func handle(session *session, conn net.Conn, port portPair) {
	defer conn.Close()
	fmt.Printf("Handling connection for %d\n", port.local)
	where := fmt.Sprintf("%d -> %d", port.local, port.remote)

	// 1. The error stream, and the wait for its reply. It stays open for writing:
	//    that nothing would come was not said until 1.1.
	errorStream, err := session.open(streamHeaders("error", port))
	if err != nil {
		complain("Error creating error stream for port %s: %v", where, err)
		return
	}
	defer errorStream.Reset()
	failed := make(chan error, 1)
	go readErrors(errorStream, where, failed)

	// 2. The data stream, likewise.
	dataStream, err := session.open(streamHeaders("data", port))
	if err != nil {
		complain("Error creating forwarding stream for port %s: %v", where, err)
		return
	}
	defer dataStream.Reset()

	// 3. Bytes, until EITHER direction ends: whatever the other still had to say
	//    is cut off, and both streams are reset.
	done := make(chan struct{}, 2)
	go copyBytes(conn, dataStream, "remote stream to local connection", done)
	go copyBytes(dataStream, conn, "local connection to remote stream", done)
	select {
	case err := <-failed:
		// 4. Errors are logged; the session and its other connections go on.
		complain("%v", err)
	case <-done:
	}
}

func streamHeaders(kind string, port portPair) http.Header {
	headers := http.Header{}
	headers.Set("streamType", kind)
	headers.Set("port", strconv.Itoa(int(port.remote)))
	return headers
}

// readErrors reports what the error stream says. Its mere end is no report.
func readErrors(stream io.Reader, where string, failed chan<- error) {
	message, err := io.ReadAll(stream)
	switch {
	case err != nil:
		failed <- fmt.Errorf("Error reading from error stream for port %s: %w", where, err)
	case len(message) > 0:
		failed <- fmt.Errorf("An error occurred forwarding %s: %s", where, message)
	}
}

func copyBytes(to io.Writer, from io.Reader, what string, done chan<- struct{}) {
	_, err := io.Copy(to, from)
	// The side that ended first closes both; the other's copy then fails so.
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, spdystream.ErrWriteClosedStream) {
		complain("Error copying from %s: %v", what, err)
	}
	done <- struct{}{}
}
