// Command kubelet answers /portForward/<ns>/<pod>[/<uid>] with Kubernetes' own
// code, k8s.io/cri-streaming: the SPDY and WebSocket channels end of every
// containerd and CRI-O; and k8s.io/apiserver's SPDY in WebSocket before it, as a
// kubelet has it since 1.36. What a kubelet does between the route and the
// runtime, passing bytes on after the 101, is left out except for the last.
// Every pod's ports are ports of 127.0.0.1.
//
// Prints "listening 127.0.0.1:PORT" on stdout, then for each upgrade
// "asked GENERATION METHOD PATH" and "ended GENERATION METHOD PATH". Library
// errors go to stderr.
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
)

// options are the command line, parsed.
type options struct {
	listen      string
	cert        string
	key         string
	clientCA    string
	token       string
	generations map[string]bool
	pods        map[string]string
	grace       time.Duration
	stdin       bool
}

func parse(arguments []string) (options, error) {
	o := options{pods: map[string]string{}}
	var generations string
	flags := flag.NewFlagSet("kubelet", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate; turns TLS on, with ALPN h2 and http/1.1 as a kubelet has it")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its private key")
	flags.StringVar(&o.clientCA, "client-ca", "", "PEM file of the authorities one of which must have signed the client's certificate")
	flags.StringVar(&o.token, "token", "", "file with the bearer token that is required, read for every request")
	flags.StringVar(&generations, "generations", "spdy,channels", "what is served, of spdy, tunnel and channels; kubelets before 1.36 have no tunnel")
	flags.Func("pod", "NS/NAME[=UID] that exists, may be repeated; without any, every pod exists", func(pod string) error {
		name, uid, _ := strings.Cut(pod, "=")
		o.pods[name] = uid
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
	var err error
	o.generations, err = parseGenerations(generations)
	return o, err
}

func parseGenerations(list string) (map[string]bool, error) {
	generations := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		if name != spdyGeneration && name != tunnelGeneration && name != channelsGeneration {
			return nil, fmt.Errorf("-generations are spdy, tunnel and channels, not %q", name)
		}
		generations[name] = true
	}
	return generations, nil
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
	handler, err := newNode(o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := &http.Server{Handler: handler, TLSConfig: config}
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
