package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// askSize is how many bytes a neighbour sends to be answered; the first eight say
// how many bytes it wants.
const askSize = 64

// patience is how long an answer may take where none is expected to be frozen.
const patience = 10 * time.Second

// besider holds what neighbours are to do.
type besider struct {
	addr      string
	each      time.Duration
	bound     time.Duration
	grace     time.Duration
	untilEnds bool
	mib       uint64
}

// beside is the subcommand of neighbours: connections that ask and are answered, one
// of them at a time, first alone and then beside another connection of the same
// session, which is stuck (-does ignore; or send, to a pod that does not read) or
// busy (receive; or send).
//
//	quiet 376.1     microseconds: p99 of the answers while they are alone
//	rate 412.5      MiB/s that all of them together receive while they are alone
//	ended 5012.3    milliseconds until somebody ended the other connection, if so
//	going 8         neighbours that are still answered; if none, nothing follows
//	wait 5003.1     milliseconds: the longest that one of these has waited for that
//	p99 380.2       as at first, beside the other connection or after its end
//	besides 371.0   the rate, as at first, beside it
func beside(arguments []string) error {
	var b besider
	flags := newFlags("beside")
	flags.StringVar(&b.addr, "addr", "", "HOST:PORT of the neighbours; the far side is `pod -mode ask`")
	other := flags.String("other", "", "HOST:PORT of the other connection")
	does := flags.String("does", "ignore", "what that does: ignore what comes, receive it, or send")
	rate := flags.Uint64("rate", 0, "how many bytes it sends in a second; 0: as many as go")
	neighbours := flags.Int("neighbours", 10, "how many")
	flags.DurationVar(&b.each, "each", time.Second, "for how long answers are timed")
	flags.DurationVar(&b.bound, "bound", 2*time.Second, "for how long the other connection goes on before they are timed again")
	flags.BoolVar(&b.untilEnds, "until-ends", false, "or only until somebody ends it")
	flags.DurationVar(&b.grace, "grace", time.Second, "after that, how long to wait for an answer before its connection counts as frozen")
	flags.Uint64Var(&b.mib, "mib", 0, "how many MiB to receive for a rate; 0: measure none")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	act := map[string]func(net.Conn) error{"ignore": ignore, "receive": drain, "send": pour(*rate)}[*does]
	if act == nil {
		return fmt.Errorf("-does is ignore, receive or send, not %q", *does)
	}
	all, err := b.open(*neighbours)
	if err != nil {
		return err
	}
	if err := b.time(all, "quiet", "rate"); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", *other, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	going := b.endure(all, conn, act)
	fmt.Printf("going %d\n", len(going))
	if len(going) == 0 {
		return nil
	}
	fmt.Printf("wait %.1f\n", milliseconds(slices.MaxFunc(going, slower).longest))
	return b.time(going, "p99", "besides")
}

// neighbour is a connection of which answers are timed.
type neighbour struct {
	conn    net.Conn
	block   []byte
	longest time.Duration // of the answers that have come
}

func slower(a, b *neighbour) int { return int(a.longest - b.longest) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ask asks for n bytes, and returns when they are there.
func (n *neighbour) ask(want uint64, by time.Time) error {
	if err := n.conn.SetDeadline(by); err != nil {
		return err
	}
	message := n.block[:askSize]
	binary.BigEndian.PutUint64(message, want)
	if _, err := n.conn.Write(message); err != nil {
		return err
	}
	for want > 0 {
		count, err := n.conn.Read(n.block[:min(want, blockSize)])
		if err != nil {
			return err
		}
		want -= uint64(count)
	}
	return nil
}

// open opens the neighbours, one after the other: so it is known which streams of the
// session are whose.
func (b *besider) open(count int) ([]*neighbour, error) {
	var all []*neighbour
	for range count {
		conn, err := net.DialTimeout("tcp", b.addr, patience)
		if err != nil {
			return nil, err
		}
		n := &neighbour{conn: conn, block: make([]byte, blockSize)}
		if err := n.ask(askSize, time.Now().Add(patience)); err != nil {
			return nil, fmt.Errorf("the first answer: %w", err)
		}
		all = append(all, n)
	}
	return all, nil
}

// time prints the p99 of answers to one neighbour at a time, and what all receive.
func (b *besider) time(all []*neighbour, p99, rate string) error {
	var took []time.Duration
	for started := time.Now(); time.Since(started) < b.each; {
		asked := time.Now()
		if err := all[len(took)%len(all)].ask(askSize, asked.Add(patience)); err != nil {
			return fmt.Errorf("timing answers: %w", err)
		}
		took = append(took, time.Since(asked))
	}
	slices.Sort(took)
	fmt.Printf("%s %.1f\n", p99, milliseconds(took[len(took)*99/100])*1000)
	if b.mib == 0 {
		return nil
	}
	started := time.Now()
	waiting := slices.Clone(all)
	var lock sync.Mutex
	err := together(len(all), func() error {
		lock.Lock()
		n := waiting[0]
		waiting = waiting[1:]
		lock.Unlock()
		return n.ask(b.mib<<20/uint64(len(all)), started.Add(patience))
	})
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	fmt.Printf("%s %.1f\n", rate, float64(b.mib)/time.Since(started).Seconds())
	return nil
}

// endure lets all neighbours ask while the other connection acts, and returns those
// that are answered in the end.
func (b *besider) endure(all []*neighbour, other net.Conn, act func(net.Conn) error) []*neighbour {
	started := time.Now()
	ended := make(chan struct{})
	go func() {
		// How it was ended does not matter, only when.
		_ = act(other)
		close(ended)
	}()
	stop := make(chan struct{})
	var lock sync.Mutex
	var going []*neighbour
	var asking sync.WaitGroup
	for _, n := range all {
		asking.Go(func() {
			if n.endure(stop, started.Add(b.bound+b.grace)) == nil {
				lock.Lock()
				defer lock.Unlock()
				going = append(going, n)
			}
		})
	}
	wait := ended
	if !b.untilEnds {
		wait = nil
	}
	select {
	case <-wait:
		fmt.Printf("ended %.1f\n", milliseconds(time.Since(started)))
	case <-time.After(b.bound):
	}
	close(stop)
	asking.Wait()
	return going
}

// endure asks again and again, until it is stopped and has its last answer.
func (n *neighbour) endure(stop <-chan struct{}, by time.Time) error {
	for {
		asked := time.Now()
		if err := n.ask(askSize, by); err != nil {
			return err
		}
		n.longest = max(n.longest, time.Since(asked))
		select {
		case <-stop:
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

// ignore reads nothing of what comes.
func ignore(net.Conn) error { select {} }

// drain reads all that comes.
func drain(conn net.Conn) error {
	_, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{conn}, make([]byte, blockSize))
	return err
}

// pour sends without end, at most rate bytes in a second.
func pour(rate uint64) func(net.Conn) error {
	return func(conn net.Conn) error {
		_, err := io.CopyBuffer(onlyWriter{conn}, onlyReader{paced(endless{}, rate)}, make([]byte, blockSize))
		return err
	}
}

// answerAsked is the pod of neighbours: whoever asks gets as many bytes as it wants.
func answerAsked(conn net.Conn, _ podSettings, in, out *tally) error {
	message := make([]byte, askSize)
	to := io.MultiWriter(conn, out)
	for {
		_, err := io.ReadFull(io.TeeReader(conn, in), message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for left := binary.BigEndian.Uint64(message); left > 0; {
			count, err := to.Write(bulkBlock[:min(left, blockSize)])
			if err != nil {
				return err
			}
			left -= uint64(count)
		}
	}
}
