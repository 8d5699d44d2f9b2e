// Command load is both ends of the TCP connections that tests push through a
// gateway: the local program and the pod. It is Go so that the test's own Python
// is not what is measured, and it counts and hashes so that a test has only to
// compare a few words of text.
//
//	load send-hash  connect once, send N bytes, say what was sent and received
//	load churn      connect N times, echo, close
//	load bulk       move bytes over P connections at once, say how long it took
//	load hold       keep N idle connections open
//	load pace       time the echoes of P connections, one message after the other
//	load beside     time answers while another connection is stuck or busy
//	load pod        be the pod: sink, source, echo, hash, late-answer, greet, ...
//	load sum        say the hash that `pod -mode source` will send
//
// Results are lines "word value..." on stdout; a failure is one line on stderr
// and exit code 1. `load COMMAND -help` lists the flags.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{
		"send-hash": sendHash,
		"churn":     churn,
		"bulk":      bulk,
		"hold":      hold,
		"pace":      pace,
		"beside":    beside,
		"pod":       pod,
		"sum":       sum,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: load send-hash|churn|bulk|hold|pace|beside|pod|sum [flags]")
		os.Exit(1)
	}
	err := commands[os.Args[1]](os.Args[2:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// newFlags returns the flags of one subcommand; parse refuses stray arguments.
func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet("load "+name, flag.ContinueOnError)
}

func parse(flags *flag.FlagSet, arguments []string) error {
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	return nil
}
