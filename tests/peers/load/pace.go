package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// warmUp is how many echoes of a connection are not counted: the first one waits
// for the tunnel to be opened.
const warmUp = 20

// pace is the subcommand of latency: on each connection one message after the
// other, each sent when the echo of the one before has come.
//
//	n 4000          echoes that were counted
//	p50 376.1       microseconds from sending to having the whole echo: the median,
//	p99 812.9       and what one in a hundred exceeds
func pace(arguments []string) error {
	flags := newFlags("pace")
	addr := flags.String("addr", "", "HOST:PORT to connect to; the far side must echo")
	n := flags.Int("n", 1000, "how many echoes to count on each connection")
	parallel := flags.Int("parallel", 1, "how many connections")
	size := flags.Uint64("bytes", 64, "how many bytes each message has")
	timeout := flags.Duration("timeout", 5*time.Minute, "give up after this long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	deadline := time.Now().Add(*timeout)
	var lock sync.Mutex
	var all []time.Duration
	err := together(*parallel, func() error {
		took, err := paceOne(*addr, *n, *size, deadline)
		lock.Lock()
		defer lock.Unlock()
		all = append(all, took...)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(all)
	fmt.Printf("n %d\n", len(all))
	for _, percent := range []int{50, 99} {
		at := all[min(len(all)*percent/100, len(all)-1)]
		fmt.Printf("p%d %.1f\n", percent, float64(at.Nanoseconds())/1000)
	}
	return nil
}

// paceOne is one connection; it returns how long each echo took.
func paceOne(addr string, n int, size uint64, deadline time.Time) ([]time.Duration, error) {
	conn, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	message, err := io.ReadAll(randomBytes(size, 1))
	if err != nil {
		return nil, err
	}
	answer := make([]byte, size)
	took := make([]time.Duration, 0, n)
	for i := range warmUp + n {
		started := time.Now()
		if _, err := conn.Write(message); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			return nil, fmt.Errorf("echo: %w", err)
		}
		if i >= warmUp {
			took = append(took, time.Since(started))
		}
		if !bytes.Equal(answer, message) {
			return nil, errors.New("echo: other bytes than were sent")
		}
	}
	return took, nil
}
