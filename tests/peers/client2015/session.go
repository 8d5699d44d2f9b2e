package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/docker/spdystream"
)

// replyTimeout is how long a SYN_STREAM may go without a SYN_REPLY.
const replyTimeout = 30 * time.Second

// userAgent has the form of the time, and says that it is not the real thing.
const userAgent = "kubectl/v0.13.1 (linux/amd64) kubernetes/spdygate-client2015"

// session is a SPDY connection and every stream it ever opened: clients forgot
// no stream before 1.26, and reset them all when they closed.
type session struct {
	conn    *spdystream.Connection
	mutex   sync.Mutex
	streams []*spdystream.Stream
}

// upgrader is the http.RoundTripper of that time: it dials, writes the request,
// reads the answer, and keeps the connection for whoever asked.
type upgrader struct {
	tls  *tls.Config
	conn net.Conn
}

func (u *upgrader) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "SPDY/3.1")
	conn, err := u.dial(request)
	if err != nil {
		return nil, err
	}
	if err := request.Write(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	// What this buffers behind the head of the answer is lost, then as today:
	// a server that talks first after its 101 is not heard.
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	u.conn = conn
	return response, nil
}

func (u *upgrader) dial(request *http.Request) (net.Conn, error) {
	host, port := request.URL.Hostname(), request.URL.Port()
	if request.URL.Scheme != "https" {
		return net.Dial("tcp", net.JoinHostPort(host, orDefault(port, "80")))
	}
	return tls.Dial("tcp", net.JoinHostPort(host, orDefault(port, "443")), u.tls)
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// newTLS offers what Go 1.3 and 1.4 offered, less the ciphers since broken: no
// TLS 1.3, no ALPN, no X25519, no ChaCha20, one AES-GCM.
func newTLS(o options) (*tls.Config, error) {
	config := &tls.Config{
		InsecureSkipVerify: o.insecure,
		MinVersion:         tls.VersionTLS10,
		MaxVersion:         tls.VersionTLS12,
		CurvePreferences:   []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
			tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
			tls.TLS_RSA_WITH_AES_256_CBC_SHA,
			tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		},
	}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", o.ca)
		}
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// upgrade asks for SPDY and starts it, or returns the answer's body as an error.
func upgrade(o options) (*session, error) {
	config, err := newTLS(o)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(o.method, o.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	if o.token != "" {
		request.Header.Set("Authorization", "Bearer "+o.token)
	}
	// Through http.Client, which follows redirects: so did they.
	round := &upgrader{tls: config}
	response, err := (&http.Client{Transport: round}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("Error sending request: %w", err)
	}
	if !upgraded(response) {
		defer round.conn.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			body = []byte("Unable to read error from server response")
		}
		return nil, fmt.Errorf("Unable to upgrade connection: %s (status %d)", body, response.StatusCode)
	}
	conn, err := spdystream.NewConnection(round.conn, false)
	if err != nil {
		_ = round.conn.Close()
		return nil, err
	}
	go conn.Serve(spdystream.NoOpStreamHandler)
	return &session{conn: conn}, nil
}

func upgraded(response *http.Response) bool {
	return response.StatusCode == http.StatusSwitchingProtocols &&
		strings.Contains(strings.ToLower(response.Header.Get("Connection")), "upgrade") &&
		strings.Contains(strings.ToLower(response.Header.Get("Upgrade")), "spdy/3.1")
}

// open creates a stream and waits for its reply.
func (s *session) open(headers http.Header) (*spdystream.Stream, error) {
	stream, err := s.conn.CreateStream(headers, nil, false)
	if err != nil {
		return nil, err
	}
	if err := stream.WaitTimeout(replyTimeout); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	s.streams = append(s.streams, stream)
	s.mutex.Unlock()
	return stream, nil
}

// close resets every stream that is not finished, says GOAWAY and hangs up. The
// connection may have gone before, so nothing here can fail in a way that matters.
func (s *session) close() {
	s.mutex.Lock()
	streams := s.streams
	s.streams = nil
	s.mutex.Unlock()
	for _, stream := range streams {
		_ = stream.Reset()
	}
	_ = s.conn.Close()
}
