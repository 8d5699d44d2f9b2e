package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// tunnel is a connection to a port of a pod.
type tunnel interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// opener opens tunnels.
type opener interface {
	open(port string) (tunnel, error)
}

// authority is the name of a port of a pod, as a proxy is asked for it.
func (o options) authority(port string) string {
	namespace, name, _ := strings.Cut(o.pod, "/")
	return name + "." + namespace + ".pod:" + port
}

// refused says what was answered instead of 200.
func refused(port string, response *http.Response) error {
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	return fmt.Errorf("refused %s %d %s", port, response.StatusCode, strings.TrimSpace(string(body)))
}

// streams opens a stream of HTTP/2 for each tunnel.
type streams struct {
	options   options
	transport http.RoundTripper
}

func (h streams) open(port string) (tunnel, error) {
	read, write := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodConnect, h.options.target.String(), read)
	if err != nil {
		cancel()
		return nil, err
	}
	if h.options.method == "extended" {
		request.Header[":protocol"] = []string{"portforward.k8s.io"}
		request.Header.Set("Port", port)
		if h.options.token != "" {
			request.Header.Set("Authorization", "Bearer "+h.options.token)
		}
	} else {
		request.Host = h.options.authority(port)
		if h.options.token != "" {
			request.Header.Set("Proxy-Authorization", "Bearer "+h.options.token)
		}
	}
	response, err := h.transport.RoundTrip(request)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("lost %s %w", port, err)
	}
	if response.StatusCode != http.StatusOK {
		defer cancel()
		return nil, refused(port, response)
	}
	return stream{response.Body, write, cancel}, nil
}

// stream is one of HTTP/2.
type stream struct {
	body   io.ReadCloser
	write  *io.PipeWriter
	cancel context.CancelFunc
}

func (s stream) Read(data []byte) (int, error) { return s.body.Read(data) }

func (s stream) Write(data []byte) (int, error) { return s.write.Write(data) }

func (s stream) CloseWrite() error { return s.write.Close() }

// Close resets the stream unless both directions have ended.
//
// To cancel is not enough: net/http does not look while it waits for more of the
// request's body.
func (s stream) Close() error {
	_ = s.write.CloseWithError(context.Canceled)
	err := s.body.Close()
	s.cancel()
	return err
}

// http1 opens a connection for each tunnel.
type http1 struct {
	options options
	config  *tls.Config
}

func (h http1) open(port string) (tunnel, error) {
	conn, err := h.dial()
	if err != nil {
		return nil, fmt.Errorf("lost %s %w", port, err)
	}
	authority := h.options.authority(port)
	head := "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n"
	if h.options.token != "" {
		head += "Proxy-Authorization: Bearer " + h.options.token + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		conn.Close()
		return nil, fmt.Errorf("lost %s %w", port, err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("lost %s %w", port, err)
	}
	if response.StatusCode != http.StatusOK {
		defer conn.Close()
		return nil, refused(port, response)
	}
	return connection{conn, reader}, nil
}

func (h http1) dial() (net.Conn, error) {
	if h.options.target.Scheme == "https" {
		return tls.Dial("tcp", h.options.target.Host, h.config)
	}
	return net.Dial("tcp", h.options.target.Host)
}

// connection is one of HTTP/1.1, after its 200.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

// Read gives what came glued to the 200 first.
func (c connection) Read(buffer []byte) (int, error) { return c.reader.Read(buffer) }

// CloseWrite ends one direction: TCP's FIN, or TLS's close_notify.
func (c connection) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}
