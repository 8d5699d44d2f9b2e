package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// bulkBlock is what is sent again and again where nobody looks at the bytes:
// making pseudo-random ones costs as much as a gateway does.
var bulkBlock = bytes.Repeat([]byte("spdygate"), blockSize/8)

// flood returns a reader of n bytes that cost nothing to make.
func flood(n uint64) io.Reader {
	return io.LimitReader(endless{}, int64(n))
}

// paced slows a reader down to so many bytes in a second; 0 does not.
func paced(from io.Reader, rate uint64) io.Reader {
	if rate == 0 {
		return from
	}
	return &pacedReader{from: from, rate: rate, started: time.Now()}
}

type pacedReader struct {
	from    io.Reader
	rate    uint64
	started time.Time
	count   uint64
}

func (p *pacedReader) Read(block []byte) (int, error) {
	due := time.Duration(float64(p.count) / float64(p.rate) * float64(time.Second))
	time.Sleep(due - time.Since(p.started))
	n, err := p.from.Read(block)
	p.count += uint64(n)
	return n, err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bulkBlock), nil }

// bulk is the subcommand of throughput: connections that each move as many bytes,
// all at once. Nobody has to half-close: sending ends with the pod's one line (`pod
// -mode hash`), receiving with the last byte (`pod -mode flood`).
//
//	ms 1234         from the first connection to the end of the last
func bulk(arguments []string) error {
	flags := newFlags("bulk")
	addr := flags.String("addr", "", "HOST:PORT to connect to")
	send := flags.Uint64("send", 0, "how many bytes to send on each; the pod answers a line")
	expect := flags.Uint64("expect", 0, "how many bytes to receive on each")
	parallel := flags.Int("parallel", 1, "how many connections")
	timeout := flags.Duration("timeout", 5*time.Minute, "give up after this long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	if (*send == 0) == (*expect == 0) {
		return errors.New("one of -send and -expect is needed")
	}
	started := time.Now()
	err := together(*parallel, func() error {
		conn, err := net.DialTimeout("tcp", *addr, *timeout)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(started.Add(*timeout)); err != nil {
			return err
		}
		if *expect > 0 {
			return receive(conn, newTally(false), int64(*expect))
		}
		return sendBulk(conn, *send)
	})
	if err != nil {
		return err
	}
	fmt.Printf("ms %.1f\n", float64(time.Since(started).Microseconds())/1000)
	return nil
}

// sendBulk sends n bytes, and waits until the pod says that it has them.
func sendBulk(conn net.Conn, n uint64) error {
	if err := transfer(conn, flood(n), newTally(false)); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return fmt.Errorf("waiting for the answer after %q: %w", line, err)
	}
	return nil
}

// together runs do in n goroutines, and returns what went wrong in them.
func together(n int, do func() error) error {
	results := make(chan error, n)
	for range n {
		go func() { results <- do() }()
	}
	failures := make([]error, 0, n)
	for range n {
		failures = append(failures, <-results)
	}
	return errors.Join(failures...)
}
