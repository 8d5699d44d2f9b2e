package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// podSettings are what a mode may need to know.
type podSettings struct {
	mode   string
	bytes  uint64
	rate   uint64
	seed   uint64
	delay  time.Duration
	answer string
	hashed bool
	logged bool
}

// tallies returns the two counts of a connection. What nobody will be told is
// not hashed: echoing with two hashes would be the slowest part of a test.
func (p podSettings) tallies() (in, out *tally) {
	answers := p.mode == "sink" || p.mode == "hash" || p.mode == "stall"
	return newTally(p.hashed && (p.logged || answers)), newTally(p.hashed && p.logged)
}

// modes are what a pod may do with a connection; each returns what came in and
// what went out. The connection is closed after it.
var modes = map[string]func(net.Conn, podSettings, *tally, *tally) error{
	// Read to the end, answer "SHA256 COUNT\n".
	"sink": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(io.Discard, conn, in); err != nil {
			return err
		}
		return answerTally(conn, in, out)
	},
	// The same after -bytes bytes and -delay, for clients and nodes that cannot
	// half-close.
	"hash": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(io.Discard, io.LimitReader(conn, int64(p.bytes)), in); err != nil {
			return err
		}
		time.Sleep(p.delay)
		return answerTally(conn, in, out)
	},
	// Send -bytes bytes of sequence -seed, then FIN; read and drop what comes,
	// lest closing with bytes unread should turn the FIN into a RST.
	"source": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(conn, randomBytes(p.bytes, p.seed), out); err != nil {
			return err
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		return transfer(io.Discard, conn, in)
	},
	// The same with bytes that cost nothing to make, for measuring throughput.
	"flood": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(conn, paced(flood(p.bytes), p.rate), out); err != nil {
			return err
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		return transfer(io.Discard, conn, in)
	},
	// Echo -bytes bytes and hang up, for nodes that cannot half-close.
	"echo-once": func(conn net.Conn, p podSettings, in, out *tally) error {
		return transfer(io.MultiWriter(conn, out), io.LimitReader(conn, int64(p.bytes)), in)
	},
	"echo": func(conn net.Conn, p podSettings, in, out *tally) error {
		return transfer(io.MultiWriter(conn, out), conn, in)
	},
	// Read to the end, wait -delay, answer -answer.
	"late-answer": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(io.Discard, conn, in); err != nil {
			return err
		}
		time.Sleep(p.delay)
		return transfer(conn, strings.NewReader(p.answer), out)
	},
	// Speak first (-answer), then echo.
	"greet": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(conn, strings.NewReader(p.answer), out); err != nil {
			return err
		}
		return transfer(io.MultiWriter(conn, out), conn, in)
	},
	// Read one byte, wait -delay, and send RST.
	"reset": func(conn net.Conn, p podSettings, in, out *tally) error {
		if err := transfer(io.Discard, io.LimitReader(conn, 1), in); err != nil {
			return err
		}
		time.Sleep(p.delay)
		return conn.(*net.TCPConn).SetLinger(0)
	},
	// Send as many bytes as is asked for, again and again.
	"ask": answerAsked,
	// Read nothing for -delay, then sink: a pod that is stuck, or slow to wake.
	"stall": func(conn net.Conn, p podSettings, in, out *tally) error {
		time.Sleep(p.delay)
		if err := transfer(io.Discard, conn, in); err != nil {
			return err
		}
		return answerTally(conn, in, out)
	},
}

func answerTally(conn net.Conn, in, out *tally) error {
	count, digest, _ := strings.Cut(in.String(), " ")
	return transfer(conn, strings.NewReader(digest+" "+count+"\n"), out)
}

// pod is the subcommand that serves, until SIGINT, SIGTERM or the end of stdin.
//
//	listening 127.0.0.1:45123                          one line per -listen
//	closed IN-COUNT IN-SHA256 OUT-COUNT OUT-SHA256 E   with -log; E is ok or an error
func pod(arguments []string) error {
	var p podSettings
	var addresses []string
	names := make([]string, 0, len(modes))
	for name := range modes {
		names = append(names, name)
	}
	slices.Sort(names)
	flags := newFlags("pod")
	flags.Func("listen", "HOST:PORT, may be repeated (default 127.0.0.1:0)", func(address string) error {
		addresses = append(addresses, address)
		return nil
	})
	flags.StringVar(&p.mode, "mode", "echo", strings.Join(names, ", "))
	flags.Uint64Var(&p.bytes, "bytes", 0, "source, flood: how many to send; hash, echo-once: how many to read")
	flags.Uint64Var(&p.rate, "rate", 0, "flood: how many bytes to send in a second; 0: as many as go")
	flags.Uint64Var(&p.seed, "seed", 1, "source: which sequence")
	flags.DurationVar(&p.delay, "delay", 0, "hash, late-answer, reset, stall: how long to wait")
	flags.StringVar(&p.answer, "answer", "hello\n", "late-answer, greet: what to say")
	flags.BoolVar(&p.hashed, "hash", true, "hash; -hash=false answers - instead, for measuring throughput")
	flags.BoolVar(&p.logged, "log", false, "print a line for every connection that has ended; whoever asks must read them")
	stdin := flags.Bool("stdin", false, "stop when stdin ends")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	if modes[p.mode] == nil {
		return fmt.Errorf("-mode is one of %s, not %q", strings.Join(names, ", "), p.mode)
	}
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1:0"}
	}
	return servePod(p, addresses, *stdin)
}

func servePod(p podSettings, addresses []string, stdin bool) error {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if stdin {
		go func() {
			// An error on stdin means what its end means: the parent has gone.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	failed := make(chan error, len(addresses))
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Printf("listening %s\n", listener.Addr())
		go func() { failed <- acceptAll(listener, p) }()
	}
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
		return nil
	}
}

func acceptAll(listener net.Listener, p podSettings) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			in, out := p.tallies()
			err := errors.Join(modes[p.mode](conn, p, in, out), conn.Close())
			end := "ok"
			if err != nil {
				end = strings.ReplaceAll(err.Error(), "\n", "; ")
			}
			if p.logged {
				// One write, so the lines of many connections stay apart.
				fmt.Printf("closed %s %s %s\n", in, out, end)
			}
		}()
	}
}
