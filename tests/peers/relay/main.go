// Command relay is the gateway that a Go engineer writes in an afternoon, out of
// what Kubernetes has: k8s.io/streaming's SPDY toward clients, client-go's SPDY
// toward a kubelet, and io.Copy between them. The benchmark measures spdygate
// against it.
//
//	relay serve     upgrade clients, dial the kubelet, copy streams
//	relay sessions  open whole sessions through any gateway, and count or hold them
//
// Results are lines "word value..." on stdout; a failure is one line on stderr
// and exit code 1. `relay COMMAND -help` lists the flags.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{
		"serve":    serve,
		"sessions": sessions,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: relay serve|sessions [flags]")
		os.Exit(1)
	}
	err := commands[os.Args[1]](os.Args[2:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// parse refuses stray arguments.
func parse(flags *flag.FlagSet, arguments []string) error {
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	return nil
}
