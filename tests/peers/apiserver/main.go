// Command apiserver stands in for kube-apiserver before one or more kubelets. What
// it upgrades it upgrades with Kubernetes' own code: UpgradeAwareHandler of
// k8s.io/apimachinery, and the SPDY in WebSocket and the remote command translator
// of k8s.io/apiserver, put together as in the storage of pods/portforward and
// pods/exec. The rest is enough for kubectl and for client-go's informers, kept in
// memory: pods, nodes and namespaces with list, watch, limit and continue;
// discovery; logs; and paths under /test/ for bodies of every kind.
//
// Prints "listening http://127.0.0.1:PORT" on stdout, then for each request
// "asked METHOD URI GENERATION" (GENERATION is spdy, tunnel, channels or plain) and
// "ended METHOD URI GENERATION". Library errors go to stderr.
//
// A test tells it what happens in the cluster through paths under /-/, which need
// no token; see control.go.
package main

import (
	"context"
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
)

// The generations of an API server, by the names that spdygate has for them.
const (
	spdyGeneration     = "spdy"
	tunnelGeneration   = "tunnel"
	channelsGeneration = "channels"
	plainGeneration    = "plain"
)

// options are the command line, parsed.
type options struct {
	listen      string
	cert        string
	key         string
	clientCA    string
	token       string
	generations map[string]bool
	kubelets    map[string]string
	kubelet     kubeletOptions
	pods        []string
	forbidden   map[string]bool
	stdin       bool
}

// kubeletOptions say how kubelets are spoken to.
type kubeletOptions struct {
	ca    string
	cert  string
	key   string
	token string
}

func parse(arguments []string) (options, error) {
	o := options{kubelets: map[string]string{}, forbidden: map[string]bool{}}
	var generations string
	flags := flag.NewFlagSet("apiserver", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate; turns TLS on, with ALPN h2 and http/1.1")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its private key")
	flags.StringVar(&o.clientCA, "client-ca", "", "PEM file of the authorities whose certificates make a client known, by their CN")
	flags.StringVar(&o.token, "token", "", "file with a line TOKEN[,USER] for each bearer token; without credentials a client gets 401")
	flags.StringVar(&generations, "generations", "spdy,tunnel,channels", "what pods/portforward serves; before 1.30 there was no tunnel")
	flags.Func("kubelet", "[NODE=]URL of a kubelet, may be repeated; the node is called node1 by default", func(kubelet string) error {
		name, target, found := strings.Cut(kubelet, "=")
		if !found {
			name, target = "node1", kubelet
		}
		o.kubelets[name] = target
		return nil
	})
	flags.StringVar(&o.kubelet.ca, "kubelet-ca", "", "PEM file of the kubelets' authorities; without it they are not verified, as usual")
	flags.StringVar(&o.kubelet.cert, "kubelet-cert", "", "PEM file of the certificate for kubelets")
	flags.StringVar(&o.kubelet.key, "kubelet-key", "", "PEM file of its private key")
	flags.StringVar(&o.kubelet.token, "kubelet-token", "", "file with the bearer token for kubelets")
	flags.Func("pod", "NS/NAME[=NODE] that runs from the start, may be repeated", func(pod string) error {
		o.pods = append(o.pods, pod)
		return nil
	})
	flags.Func("forbid", "NS/NAME of a pod to which nobody may connect, may be repeated", func(pod string) error {
		o.forbidden[pod] = true
		return nil
	})
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
	handler, err := newAPI(o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if o.cert != "" {
		scheme = "https"
	}
	fmt.Printf("listening %s://%s\n", scheme, listener.Addr())
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
