// Command kubelet answers /portForward/<ns>/<pod>[/<uid>] with Kubernetes' own
// code, k8s.io/cri-streaming: the SPDY and WebSocket channels end of every
// containerd and CRI-O. What a kubelet does between the route and the runtime,
// passing bytes on after the 101, is left out. Every pod's ports are ports of
// 127.0.0.1.
//
// Prints "listening 127.0.0.1:PORT" on stdout. Library errors go to stderr.
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
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

// options are the command line, parsed.
type options struct {
	listen   string
	cert     string
	key      string
	clientCA string
	pods     []string
	grace    time.Duration
	stdin    bool
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("kubelet", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate; turns TLS on, with ALPN h2 and http/1.1 as a kubelet has it")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its private key")
	flags.StringVar(&o.clientCA, "client-ca", "", "PEM file of the authorities one of which must have signed the client's certificate")
	flags.Func("pod", "NS/NAME that exists, may be repeated; without any, every pod exists", func(pod string) error {
		o.pods = append(o.pods, pod)
		return nil
	})
	flags.DurationVar(&o.grace, "grace", time.Second, "how long the second direction may go on after the first has ended; containerd has 1s")
	flags.BoolVar(&o.stdin, "stdin", false, "stop when stdin ends")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	return o, nil
}

// node is the handler of the routes.
type node struct {
	pods    map[string]bool
	runtime loopback
}

func (n node) serve(response http.ResponseWriter, request *http.Request) {
	pod := request.PathValue("ns") + "/" + request.PathValue("pod")
	if len(n.pods) > 0 && !n.pods[pod] {
		http.Error(response, "pod does not exist", http.StatusNotFound)
		return
	}
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	// A runtime knows a sandbox, not a pod, and no uid: error texts have
	// neither. The name stands in for the sandbox's id to keep them readable.
	sandbox := strings.ReplaceAll(pod, "/", "_")
	portforward.ServePortForward(
		response, request, n.runtime, sandbox, "", options,
		streaming.DefaultConfig.StreamIdleTimeout,
		streaming.DefaultConfig.StreamCreationTimeout,
		streaming.DefaultConfig.SupportedPortForwardProtocols)
}

func newHandler(o options) http.Handler {
	n := node{pods: map[string]bool{}, runtime: loopback{grace: o.grace}}
	for _, pod := range o.pods {
		n.pods[pod] = true
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/portForward/{ns}/{pod}", "/portForward/{ns}/{pod}/{uid}"} {
		// The two methods of the kubelet's routes; ServeMux answers 405 to others.
		mux.HandleFunc("GET "+path, n.serve)
		mux.HandleFunc("POST "+path, n.serve)
	}
	return mux
}

func newTLS(o options) (*tls.Config, error) {
	config := &tls.Config{}
	if o.clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(o.clientCA)
	if err != nil {
		return nil, err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", o.clientCA)
	}
	return config, nil
}

func run(o options) error {
	config, err := newTLS(o)
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
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := &http.Server{Handler: newHandler(o), TLSConfig: config}
	failed := make(chan error, 1)
	go func() {
		if o.cert != "" {
			failed <- server.ServeTLS(listener, o.cert, o.key)
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
		// Hijacked connections end with the process.
		return server.Close()
	}
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
