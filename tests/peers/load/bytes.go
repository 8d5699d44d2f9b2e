package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
)

// blockSize is the size of one read or write, in bytes: two of Go's usual 32 KiB
// copies, enough that system calls do not dominate.
const blockSize = 64 << 10

// randomBytes returns a reader of the first n bytes of the sequence that seed
// names. No block repeats, so bytes lost, doubled or out of order change the hash.
func randomBytes(n, seed uint64) io.Reader {
	return &randomReader{left: n, state: seed}
}

type randomReader struct {
	left  uint64
	state uint64
	spare []byte // of the last word, for reads that are no multiple of 8
}

// word is one step of SplitMix64: a third of the time that sha256 then takes, and
// simple enough to be repeated in a test.
func (r *randomReader) word() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func (r *randomReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if uint64(len(p)) > r.left {
		p = p[:r.left]
	}
	n := copy(p, r.spare)
	r.spare = r.spare[n:]
	for ; len(p)-n >= 8; n += 8 {
		binary.LittleEndian.PutUint64(p[n:], r.word())
	}
	if n < len(p) {
		r.spare = binary.LittleEndian.AppendUint64(nil, r.word())
		used := copy(p[n:], r.spare)
		r.spare = r.spare[used:]
		n += used
	}
	r.left -= uint64(n)
	return n, nil
}

// chunkReader reads less at a time than it might: sizes says how much, two bytes
// for each piece, and half of the pieces are of 64 bytes or fewer.
type chunkReader struct {
	from  io.Reader
	sizes io.Reader
}

func (c *chunkReader) Read(p []byte) (int, error) {
	var word [2]byte
	if _, err := io.ReadFull(c.sizes, word[:]); err != nil {
		return 0, err
	}
	size := int(binary.LittleEndian.Uint16(word[:]))
	if size%2 == 0 {
		size %= 64
	}
	return c.from.Read(p[:min(len(p), size+1)])
}

// tally is an io.Writer that counts, hashes, and keeps the first bytes.
type tally struct {
	count uint64
	hash  hash.Hash // nil: count only
	head  []byte
}

// headSize is how many bytes a tally keeps, enough for a pod's one-line answer.
const headSize = 256

func newTally(hashed bool) *tally {
	if !hashed {
		return &tally{}
	}
	return &tally{hash: sha256.New()}
}

func (t *tally) Write(p []byte) (int, error) {
	t.count += uint64(len(p))
	if t.hash != nil {
		t.hash.Write(p) // never fails, says package hash
	}
	if room := headSize - len(t.head); room > 0 {
		t.head = append(t.head, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// String is "COUNT SHA256", with "-" for the hash if there is none.
func (t *tally) String() string {
	if t.hash == nil {
		return fmt.Sprintf("%d -", t.count)
	}
	return fmt.Sprintf("%d %x", t.count, t.hash.Sum(nil))
}

// onlyWriter and onlyReader hide ReadFrom and WriteTo, with which io.Copy would
// use its own buffers, or splice, instead of blockSize.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// transfer is io.Copy in blocks of blockSize, tallied.
func transfer(to io.Writer, from io.Reader, t *tally) error {
	_, err := io.CopyBuffer(onlyWriter{to}, onlyReader{io.TeeReader(from, t)}, make([]byte, blockSize))
	return err
}

// sum is the subcommand that says what a source will send.
func sum(arguments []string) error {
	flags := newFlags("sum")
	n := flags.Uint64("bytes", 0, "how many bytes")
	seed := flags.Uint64("seed", 1, "which sequence")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	t := newTally(true)
	if err := transfer(io.Discard, randomBytes(*n, *seed), t); err != nil {
		return err
	}
	fmt.Printf("sum %s\n", t)
	return nil
}
