package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// hold is the subcommand of idle connections: each has one echo, then all stay
// open until stdin ends.
//
//	held 1000       when all have had their echo
func hold(arguments []string) error {
	flags := newFlags("hold")
	addr := flags.String("addr", "", "HOST:PORT to connect to; the far side must echo")
	n := flags.Int("n", 1, "how many connections")
	parallel := flags.Int("parallel", 8, "how many are opened at a time")
	timeout := flags.Duration("timeout", 5*time.Minute, "give up after this long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	message, err := io.ReadAll(randomBytes(64, 1))
	if err != nil {
		return err
	}
	c := &churner{addr: *addr, message: message, deadline: time.Now().Add(*timeout)}
	held := make(chan net.Conn, *n)
	work := make(chan struct{}, *n)
	for range *n {
		work <- struct{}{}
	}
	close(work)
	err = together(*parallel, func() error {
		for range work {
			conn, err := c.open()
			if err != nil {
				return err
			}
			held <- conn
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("held %d\n", len(held))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// open connects and has one echo.
func (c *churner) open() (net.Conn, error) {
	conn, err := (&net.Dialer{Deadline: c.deadline}).Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(c.deadline); err != nil {
		return nil, err
	}
	return conn, c.echo(conn)
}
