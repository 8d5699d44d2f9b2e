package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// sendHash is the subcommand of one connection.
//
// It sends and receives at the same time. It ends when the far side ends, or when
// -expect bytes have come. Three lines say what happened, also after an error:
//
//	sent 1048576 <sha256>
//	received 83 <sha256>
//	ms 42
//
// and between the last two, if 256 bytes or fewer were received, "text <quoted>".
func sendHash(arguments []string) error {
	flags := newFlags("send-hash")
	addr := flags.String("addr", "", "HOST:PORT to connect to")
	n := flags.Uint64("bytes", 0, "how many pseudo-random bytes to send")
	seed := flags.Uint64("seed", 1, "which sequence of them")
	halfClose := flags.Bool("half-close", false, "send FIN after the last byte, and go on receiving")
	chunks := flags.Bool("chunks", false, "write pieces of random sizes, from one byte to 64 KiB")
	expect := flags.Int64("expect", -1, "hang up after receiving this many bytes; -1: at the far side's end")
	hashed := flags.Bool("hash", true, "hash; -hash=false prints - instead, for measuring throughput")
	timeout := flags.Duration("timeout", 5*time.Minute, "give up after this long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	started := time.Now()
	conn, err := net.DialTimeout("tcp", *addr, *timeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(started.Add(*timeout)); err != nil {
		return err
	}
	sent, received := newTally(*hashed), newTally(*hashed)
	sending := make(chan error, 1)
	from := randomBytes(*n, *seed)
	if *chunks {
		from = &chunkReader{from: from, sizes: randomBytes(1<<62, *seed+1)}
	}
	go func() { sending <- send(conn, from, sent, *halfClose) }()
	receiveErr := receive(conn, received, *expect)
	if receiveErr != nil || sent.count < *n {
		// Nothing is coming back any more: do not wait for room to send in, once
		// the sender has had a moment to see for itself what is wrong.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	}
	sendErr := <-sending
	fmt.Printf("sent %s\nreceived %s\n", sent, received)
	if received.count <= headSize {
		fmt.Printf("text %q\n", received.head)
	}
	fmt.Printf("ms %d\n", time.Since(started).Milliseconds())
	return errors.Join(sendErr, receiveErr)
}

func send(conn net.Conn, from io.Reader, sent *tally, halfClose bool) error {
	if err := transfer(conn, from, sent); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	if !halfClose {
		return nil
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}

// receive reads to the end of conn, or expect bytes if that is not negative.
func receive(conn net.Conn, received *tally, expect int64) error {
	var from io.Reader = conn
	if expect >= 0 {
		from = io.LimitReader(conn, expect)
	}
	if err := transfer(io.Discard, from, received); err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	if expect >= 0 && received.count < uint64(expect) {
		return fmt.Errorf("receiving: %d bytes, then the end", received.count)
	}
	return nil
}
