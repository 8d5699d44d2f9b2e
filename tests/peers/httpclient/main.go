// Command httpclient forwards ports with nothing but Go's HTTP client, as somebody
// would who has only read docs/protocol.rst, section 8: each local connection is
// one CONNECT, and connections share what the library shares.
//
//	-method extended  HTTP/2, extended CONNECT (RFC 8441) on -url, with a port header
//	-method plain     HTTP/2, CONNECT (RFC 9113, 8.5) with POD.NAMESPACE.pod:PORT
//	-method http1     HTTP/1.1, CONNECT likewise, a connection for each
//
// plain is net/http. extended is golang.org/x/net/http2, which net/http is made of:
// the transport of net/http itself refuses ":protocol" as a header's name (what
// GODEBUG=http2xconnect=1 switches on is the server's part alone).
//
// http:// is HTTP/2 with prior knowledge, https:// is ALPN. Stdout has lines like
// client-go's ("Forwarding from 127.0.0.1:8080 -> 80", "Handling connection for
// 8080"); stderr has a line for each connection that failed, which ends the local
// one with a reset: "refused PORT STATUS BODY" or "lost PORT ERROR".
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// options are the command line, parsed.
type options struct {
	target   *url.URL
	pod      string
	method   string
	ca       string
	cert     string
	key      string
	token    string
	insecure bool
	ports    []string
}

func parse(arguments []string) (options, error) {
	var o options
	var target string
	flags := flag.NewFlagSet("httpclient", flag.ContinueOnError)
	flags.StringVar(&target, "url", "", "the gateway's URL; for -method extended with the path of a pod")
	flags.StringVar(&o.pod, "pod", "", "NS/NAME, for -method plain and http1")
	flags.StringVar(&o.method, "method", "extended", "extended, plain or http1")
	flags.StringVar(&o.ca, "ca", "", "PEM file of the authorities that may sign the server's certificate")
	flags.StringVar(&o.cert, "cert", "", "PEM file of the client's certificate")
	flags.StringVar(&o.key, "key", "", "PEM file of the client's private key")
	flags.StringVar(&o.token, "token", "", "bearer token, in Authorization or else in Proxy-Authorization")
	flags.BoolVar(&o.insecure, "insecure", false, "do not verify the server's certificate")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	o.ports = flags.Args()
	if target == "" || len(o.ports) == 0 {
		return o, errors.New("usage: httpclient -url URL [flags] [LOCAL:]REMOTE...")
	}
	if o.method != "extended" && o.method != "plain" && o.method != "http1" {
		return o, fmt.Errorf("-method is extended, plain or http1, not %q", o.method)
	}
	if o.method != "extended" && !strings.Contains(o.pod, "/") {
		return o, errors.New("-pod NS/NAME is needed")
	}
	var err error
	o.target, err = url.Parse(target)
	return o, err
}

func (o options) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: o.insecure, ServerName: o.target.Hostname()}
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

func newOpener(o options) (opener, error) {
	config, err := o.tls()
	if err != nil {
		return nil, err
	}
	if o.method == "http1" {
		config.NextProtos = []string{"http/1.1"}
		return http1{o, config}, nil
	}
	if o.method == "extended" {
		return streams{o, extended(o, config)}, nil
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return streams{o, &http.Transport{
		TLSClientConfig:    config,
		Protocols:          protocols,
		HTTP2:              &http.HTTP2Config{SendPingTimeout: 15 * time.Second},
		DisableCompression: true,
	}}, nil
}

// extended returns a transport that knows ":protocol".
func extended(o options, config *tls.Config) http.RoundTripper {
	transport := &http2.Transport{
		TLSClientConfig:    config,
		ReadIdleTimeout:    15 * time.Second,
		DisableCompression: true,
	}
	if o.target.Scheme == "http" {
		transport.AllowHTTP = true
		transport.DialTLSContext = func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	return transport
}

// serve accepts connections for one remote port.
func serve(listener net.Listener, port string, to opener) error {
	_, local, _ := net.SplitHostPort(listener.Addr().String())
	fmt.Printf("Forwarding from %s -> %s\n", listener.Addr(), port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Printf("Handling connection for %s\n", local)
		go func() {
			if err := forward(conn.(*net.TCPConn), port, to); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

// forward carries one connection; each direction ends by itself.
func forward(conn *net.TCPConn, port string, to opener) error {
	defer conn.Close()
	tunnel, err := to.open(port)
	if err != nil {
		_ = conn.SetLinger(0)
		return err
	}
	defer tunnel.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(tunnel, conn)
		if err != nil {
			// Half a message must not look like a whole one.
			_ = tunnel.Close()
		} else {
			err = tunnel.CloseWrite()
		}
		sent <- err
	}()
	_, received := io.Copy(conn, tunnel)
	if received != nil {
		_ = conn.SetLinger(0)
		return fmt.Errorf("lost %s %w", port, received)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("lost %s %w", port, err)
	}
	if err := <-sent; err != nil {
		return fmt.Errorf("lost %s %w", port, err)
	}
	return nil
}

func run(o options) error {
	to, err := newOpener(o)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for _, pair := range o.ports {
		local, remote, found := strings.Cut(pair, ":")
		if !found {
			remote = local
		}
		listener, err := net.Listen("tcp", "127.0.0.1:"+local)
		if err != nil {
			return err
		}
		go func() { failed <- serve(listener, remote, to) }()
	}
	return <-failed
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}
