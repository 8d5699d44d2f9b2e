// Command cri is a kubelet before a real container runtime: it starts containerd
// with a root of its own, makes an image of itself as the pause container, runs a
// pod sandbox on the host's network, and answers /portForward/<ns>/<pod>[/<uid>] as
// a kubelet does, by CRI's PortForward and by passing the upgrade on to the URL that
// the runtime names. It needs root, and no internet.
//
// Prints "runtime NAME VERSION" and "listening 127.0.0.1:PORT" on stdout, and for
// each upgrade "asked METHOD PATH" and "ended METHOD PATH". SIGUSR1 takes the sandbox
// away, as if the pod were deleted, and prints "removed".
//
// All of it, containerd's shims and mounts too, is in a process and a mount
// namespace of its own: however this program ends, nothing is left behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// options are the command line, parsed.
type options struct {
	listen     string
	containerd string
	pod        string
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("cri", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve on")
	flags.StringVar(&o.containerd, "containerd", "containerd", "the program")
	flags.StringVar(&o.pod, "pod", "myns/mypod", "NS/NAME of the pod")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	return o, nil
}

// run starts everything, and serves until told to stop.
func run(o options) error {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := furnish(); err != nil {
		return err
	}
	runtime, err := startRuntime(stop, o.containerd)
	if err != nil {
		return err
	}
	sandbox, err := runtime.run(stop, o.pod)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, runtime.lastWords())
	}
	node := &node{pod: o.pod, sandbox: sandbox, runtime: runtime}
	go node.removals()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := &http.Server{Handler: node.routes()}
	go func() {
		<-stop.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// pause is all that the pod's one process does.
func pause() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
}

func main() {
	if os.Args[0] == "/pause" {
		pause()
		return
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		if os.Getpid() == 1 {
			err = run(o)
		} else {
			err = again()
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}
