package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
)

// sessions is the subcommand of whole sessions: upgrade, one tunnel, an echo of 64
// bytes, close; or, with -hold, all but the last, until stdin ends.
//
//	held 100        with -hold, when all are open
//	ok 400          sessions that did all of it
//	ms 1234         from the first dial to the end of the last
func sessions(arguments []string) error {
	flags := flag.NewFlagSet("relay sessions", flag.ContinueOnError)
	var r remote
	rawURL := flags.String("url", "", "the whole URL to upgrade, path and query included")
	port := flags.Int("port", 0, "the pod's port; it must echo")
	n := flags.Int("n", 1, "how many sessions in all")
	parallel := flags.Int("parallel", 8, "how many are opened at a time")
	hold := flags.Bool("hold", false, "keep them all open, until stdin ends")
	flags.StringVar(&r.ca, "ca", "", "PEM file of the authorities that may sign the server's certificate")
	flags.StringVar(&r.dialer, "dialer", "spdy", "spdy or websocket")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	var err error
	if r.target, err = url.Parse(*rawURL); err != nil {
		return err
	}
	started := time.Now()
	held, err := openAll(r, *port, *n, *parallel, *hold)
	if err != nil {
		return err
	}
	took := time.Since(started)
	if *hold {
		fmt.Printf("held %d\n", len(held))
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	for _, connection := range held {
		_ = connection.Close()
	}
	fmt.Printf("ok %d\nms %d\n", *n, took.Milliseconds())
	return nil
}

// openAll opens n sessions from parallel workers, and returns those to be held.
func openAll(r remote, port, n, parallel int, hold bool) ([]httpstream.Connection, error) {
	type result struct {
		connection httpstream.Connection
		err        error
	}
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	results := make(chan result, n)
	for range parallel {
		go func() {
			for range work {
				connection, err := openOne(r, port)
				if err == nil && !hold {
					err = connection.Close()
				}
				results <- result{connection, err}
			}
		}()
	}
	var held []httpstream.Connection
	for range n {
		result := <-results
		if result.err != nil {
			return nil, result.err
		}
		if hold {
			held = append(held, result.connection)
		}
	}
	return held, nil
}

// openOne opens a session with one tunnel that has carried 64 bytes each way.
func openOne(r remote, port int) (httpstream.Connection, error) {
	connection, err := r.dial()
	if err != nil {
		return nil, err
	}
	if err := echo(connection, port); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return connection, nil
}

// echo opens a tunnel in the order of client-go's port forwarder: the error stream,
// which it closes at once, then the data stream.
func echo(connection httpstream.Connection, port int) error {
	headers := http.Header{}
	headers.Set(v1.StreamType, v1.StreamTypeError)
	headers.Set(v1.PortHeader, strconv.Itoa(port))
	headers.Set(v1.PortForwardRequestIDHeader, "0")
	errorStream, err := connection.CreateStream(headers)
	if err != nil {
		return err
	}
	if err := errorStream.Close(); err != nil {
		return err
	}
	headers.Set(v1.StreamType, v1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return err
	}
	message := bytes.Repeat([]byte{'m'}, 64)
	if _, err := data.Write(message); err != nil {
		return err
	}
	answer := make([]byte, len(message))
	if _, err := io.ReadFull(data, answer); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	if !bytes.Equal(answer, message) {
		return fmt.Errorf("echo: other bytes than were sent")
	}
	return nil
}
