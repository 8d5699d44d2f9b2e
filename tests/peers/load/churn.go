package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// churner holds what every connection of a churn is to do.
type churner struct {
	addr     string
	message  []byte
	together *sync.WaitGroup // nil: nobody waits for anybody
	hangUp   bool
	deadline time.Time
}

// churn is the subcommand of many connections: connect, send, expect the same
// bytes back, half-close, read to the end.
//
//	ok 20000        connections that did all of it
//	failed 0        connections that did not; the first few say why on stderr
//	ms 12345        from the first connection to the end of the last
func churn(arguments []string) error {
	flags := newFlags("churn")
	addr := flags.String("addr", "", "HOST:PORT to connect to; the far side must echo")
	n := flags.Int("n", 1, "how many connections in all")
	parallel := flags.Int("parallel", 1, "how many at a time")
	size := flags.Uint64("bytes", 64, "how many bytes to send on each")
	together := flags.Bool("together", false, "close no connection before all have had their echo; needs -parallel >= -n")
	hangUp := flags.Bool("hang-up", false, "close both directions at once after the echo")
	timeout := flags.Duration("timeout", 5*time.Minute, "give up after this long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	started := time.Now()
	c := &churner{addr: *addr, hangUp: *hangUp, deadline: started.Add(*timeout)}
	var err error
	if c.message, err = io.ReadAll(randomBytes(*size, 1)); err != nil {
		return err
	}
	if *together {
		if *parallel < *n {
			return errors.New("-together needs -parallel >= -n")
		}
		c.together = &sync.WaitGroup{}
		c.together.Add(*n)
	}
	failures := c.run(*n, min(*parallel, *n))
	for i, failure := range failures {
		if i == 5 {
			fmt.Fprintf(os.Stderr, "and %d more\n", len(failures)-i)
			break
		}
		fmt.Fprintf(os.Stderr, "failed: %v\n", failure)
	}
	fmt.Printf("ok %d\nfailed %d\nms %d\n", *n-len(failures), len(failures), time.Since(started).Milliseconds())
	if len(failures) > 0 {
		return fmt.Errorf("%d of %d connections failed", len(failures), *n)
	}
	return nil
}

// run makes n connections from parallel workers, and returns the failures.
func (c *churner) run(n, parallel int) []error {
	work := make(chan int, n)
	for i := range n {
		work <- i
	}
	close(work)
	results := make(chan error, n)
	for range parallel {
		go func() {
			for range work {
				results <- c.one()
			}
		}()
	}
	var failures []error
	for range n {
		if err := <-results; err != nil {
			failures = append(failures, err)
		}
	}
	return failures
}

// one is one connection from its beginning to its end.
func (c *churner) one() error {
	arrive := sync.OnceFunc(func() {
		if c.together != nil {
			c.together.Done()
		}
	})
	// Who fails arrives too, or the others would wait for ever.
	defer arrive()
	conn, err := (&net.Dialer{Deadline: c.deadline}).Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(c.deadline); err != nil {
		return err
	}
	if err := c.echo(conn); err != nil {
		return err
	}
	arrive()
	if c.together != nil {
		c.together.Wait()
	}
	if c.hangUp {
		return nil
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		return fmt.Errorf("waiting for the end: %w", err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes more than the echo", len(rest))
	}
	return nil
}

// echo sends the message and reads it back, at the same time: a message may be
// larger than all the buffers on its way.
func (c *churner) echo(conn net.Conn) error {
	sending := make(chan error, 1)
	go func() {
		_, err := conn.Write(c.message)
		sending <- err
	}()
	answer := make([]byte, len(c.message))
	n, err := io.ReadFull(conn, answer)
	if err != nil {
		return fmt.Errorf("echo: %d of %d bytes: %w", n, len(answer), err)
	}
	if !bytes.Equal(answer, c.message) {
		return errors.New("echo: other bytes than were sent")
	}
	return <-sending
}
