// Command clientgo is what `kubectl port-forward` does after it has found its
// pod, and nothing else: client-go's own dialers and port forwarder, pointed at
// any URL. kubectl can only ask for .../pods/NAME/portforward; this one also
// asks for /proxy/minions/... and /portForward/..., with GET or POST.
//
// Stdout has client-go's own lines ("Forwarding from 127.0.0.1:8080 -> 80",
// "Handling connection for 8080"), stderr has errors and klog. Exit code 0 after
// SIGINT, SIGTERM or the end of stdin (with -stdin), 1 after any error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// options are the command line, parsed.
type options struct {
	url      string
	method   string
	dialer   string
	ca       string
	token    string
	cert     string
	key      string
	insecure bool
	stdin    bool
	ports    []string
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("clientgo", flag.ContinueOnError)
	flags.StringVar(&o.url, "url", "", "the whole URL to upgrade, path and query included")
	flags.StringVar(&o.method, "method", http.MethodPost, "method of the SPDY upgrade: GET or POST (WebSocket is always GET)")
	flags.StringVar(&o.dialer, "dialer", "spdy", "spdy, websocket, or fallback: WebSocket first, then SPDY, as kubectl does")
	flags.StringVar(&o.ca, "ca", "", "PEM file of the authorities that may sign the server's certificate")
	flags.StringVar(&o.token, "token", "", "bearer token; unlike kubectl it is sent over http:// too")
	flags.StringVar(&o.cert, "cert", "", "PEM file of the client's certificate")
	flags.StringVar(&o.key, "key", "", "PEM file of the client's private key")
	flags.BoolVar(&o.insecure, "insecure", false, "do not verify the server's certificate")
	flags.BoolVar(&o.stdin, "stdin", false, "stop, as if interrupted, when stdin ends")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	o.ports = flags.Args()
	if o.url == "" || len(o.ports) == 0 {
		return o, errors.New("usage: clientgo -url URL [flags] [LOCAL:]REMOTE...")
	}
	if o.method != http.MethodGet && o.method != http.MethodPost {
		return o, fmt.Errorf("-method is GET or POST, not %q", o.method)
	}
	return o, nil
}

// newDialer repeats createDialer of kubectl's pkg/cmd/portforward, which is not
// exported; the condition for falling back is word for word kubectl's.
func newDialer(o options) (httpstream.Dialer, error) {
	target, err := url.Parse(o.url)
	if err != nil {
		return nil, err
	}
	config := &rest.Config{
		Host:        target.Scheme + "://" + target.Host,
		BearerToken: o.token,
		UserAgent:   rest.DefaultKubernetesUserAgent(),
		TLSClientConfig: rest.TLSClientConfig{
			Insecure: o.insecure, CAFile: o.ca, CertFile: o.cert, KeyFile: o.key,
		},
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, o.method, target)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(target, config)
	if err != nil {
		return nil, err
	}
	switch o.dialer {
	case "spdy":
		return overSPDY, nil
	case "websocket":
		return overWebSocket, nil
	case "fallback":
		return portforward.NewFallbackDialerForStreaming(overWebSocket, overSPDY, func(err error) bool {
			return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
		}), nil
	}
	return nil, fmt.Errorf("-dialer is spdy, websocket or fallback, not %q", o.dialer)
}

func run(o options) error {
	dialer, err := newDialer(o)
	if err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if o.stdin {
		go func() {
			// An error on stdin means what its end means: the parent has gone.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	forwarder, err := portforward.NewForStreaming(
		dialer, o.ports, stop.Done(), make(chan struct{}), os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	return forwarder.ForwardPorts()
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
