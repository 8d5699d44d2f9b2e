// Command client2015 forwards ports as kubectl and osc did in the spring of
// 2015, generations A and B of docs/protocol.rst: no X-Stream-Protocol-Version, no
// requestID, an error stream that is never finished, and the whole pair reset as
// soon as either direction ends. Those binaries are not to be had any more; the
// SPDY library they were built on is, nearly, and this is built on it.
//
// Stdout has "Forwarding from 127.0.0.1:8080 -> 80" and "Handling connection for
// 8080"; errors go to stderr in the words of the time. Exit code 0 after SIGINT,
// SIGTERM, the end of stdin (with -stdin) and, as then, after a lost connection;
// 1 if forwarding could not start.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// options are the command line, parsed.
type options struct {
	url      string
	method   string
	ca       string
	token    string
	cert     string
	key      string
	insecure bool
	stdin    bool
	ports    []portPair
}

// portPair is one [LOCAL:]REMOTE of the command line; local 0 is any free port.
type portPair struct {
	local, remote uint16
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("client2015", flag.ContinueOnError)
	flags.StringVar(&o.url, "url", "", "the whole URL to upgrade, path and query included")
	flags.StringVar(&o.method, "method", http.MethodGet, "GET, or POST as from July 2015 on")
	flags.StringVar(&o.ca, "ca", "", "PEM file of the authorities that may sign the server's certificate")
	flags.StringVar(&o.token, "token", "", "bearer token")
	flags.StringVar(&o.cert, "cert", "", "PEM file of the client's certificate")
	flags.StringVar(&o.key, "key", "", "PEM file of the client's private key")
	flags.BoolVar(&o.insecure, "insecure", false, "do not verify the server's certificate")
	flags.BoolVar(&o.stdin, "stdin", false, "stop, as if interrupted, when stdin ends")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if o.url == "" || flags.NArg() == 0 {
		return o, errors.New("usage: client2015 -url URL [flags] [LOCAL:]REMOTE...")
	}
	for _, argument := range flags.Args() {
		pair, err := parsePorts(argument)
		if err != nil {
			return o, err
		}
		o.ports = append(o.ports, pair)
	}
	return o, nil
}

func parsePorts(argument string) (portPair, error) {
	local, remote, both := strings.Cut(argument, ":")
	if !both {
		remote = local
	}
	if local == "" {
		local = "0"
	}
	localPort, err := strconv.ParseUint(local, 10, 16)
	if err != nil {
		return portPair{}, fmt.Errorf("Error parsing local port '%s': %w", local, err)
	}
	remotePort, err := strconv.ParseUint(remote, 10, 16)
	if err != nil {
		return portPair{}, fmt.Errorf("Error parsing remote port '%s': %w", remote, err)
	}
	if remotePort == 0 {
		return portPair{}, errors.New("Remote port must be > 0")
	}
	return portPair{uint16(localPort), uint16(remotePort)}, nil
}

func run(o options) error {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if o.stdin {
		go func() {
			// An error on stdin means what its end means: the parent has gone.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	session, err := upgrade(o)
	if err != nil {
		return fmt.Errorf("Error upgrading connection: %w", err)
	}
	defer session.close()
	return forward(stop.Done(), session, o.ports)
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
