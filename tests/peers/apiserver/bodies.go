package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strconv"
	"time"
)

// bodies adds paths that are no resource, for bodies of every kind. A request
// with "Expect: 100-continue" gets its 100 where the body is first read.
//
//	POST|PUT /test/upload?delay=D     reads it all, D after the headers; tells its size and hash
//	POST /test/echo                   gives each piece back as it comes, then its trailers
//	GET /test/download?bytes=N&seed=S N pseudo-random bytes; length=1 says so in advance
//	GET /test/trailers                a body, and its hash in the trailer X-Sha256
//	POST /test/early?status=N         answers without reading the body
//	GET /test/redirect?to=URL&status=N
//	GET /test/hints                   103 before 200
//	GET /test/abort                   the connection ends in the middle of the body
func (a *api) bodies() {
	a.routes.HandleFunc("POST /test/upload", upload)
	a.routes.HandleFunc("PUT /test/upload", upload)
	a.routes.HandleFunc("POST /test/echo", echo)
	a.routes.HandleFunc("GET /test/download", download)
	a.routes.HandleFunc("GET /test/trailers", trailers)
	a.routes.HandleFunc("POST /test/early", func(response http.ResponseWriter, request *http.Request) {
		http.Error(response, "enough of that", number(request, "status", http.StatusRequestEntityTooLarge))
	})
	a.routes.HandleFunc("GET /test/redirect", func(response http.ResponseWriter, request *http.Request) {
		http.Redirect(response, request, request.URL.Query().Get("to"), number(request, "status", http.StatusFound))
	})
	a.routes.HandleFunc("GET /test/hints", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Link", "</test/download>; rel=preload")
		response.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(response, "hinted\n")
	})
	a.routes.HandleFunc("GET /test/abort", func(response http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(response, "half of ")
		_ = http.NewResponseController(response).Flush()
		panic(http.ErrAbortHandler)
	})
}

func number(request *http.Request, name string, fallback int) int {
	if value, err := strconv.Atoi(request.URL.Query().Get(name)); err == nil {
		return value
	}
	return fallback
}

func upload(response http.ResponseWriter, request *http.Request) {
	if delay, err := time.ParseDuration(request.URL.Query().Get("delay")); err == nil {
		select {
		case <-time.After(delay):
		case <-request.Context().Done():
			return
		}
	}
	hash := sha256.New()
	count, err := io.Copy(hash, request.Body)
	if err != nil {
		// What a client left unfinished has no answer.
		fmt.Printf("broken upload after %d bytes: %v\n", count, err)
		panic(http.ErrAbortHandler)
	}
	writeJSON(response, http.StatusOK, map[string]any{
		"bytes": count, "sha256": hex.EncodeToString(hash.Sum(nil)),
		"length": request.ContentLength, "trailers": request.Trailer,
	})
}

func echo(response http.ResponseWriter, request *http.Request) {
	control := http.NewResponseController(response)
	// HTTP/2 is full duplex anyway, and says that it knows of no such thing.
	_ = control.EnableFullDuplex()
	response.WriteHeader(http.StatusOK)
	_ = control.Flush()
	buffer := make([]byte, 32*1024)
	for {
		count, err := request.Body.Read(buffer)
		if _, failed := response.Write(buffer[:count]); failed != nil {
			return
		}
		_ = control.Flush()
		if err != nil {
			break
		}
	}
	for name, values := range request.Trailer {
		response.Header()[http.TrailerPrefix+name] = values
	}
}

func download(response http.ResponseWriter, request *http.Request) {
	count := int64(number(request, "bytes", 1000))
	if number(request, "length", 0) == 1 {
		response.Header().Set("Content-Length", strconv.FormatInt(count, 10))
	}
	source := rand.New(rand.NewSource(int64(number(request, "seed", 1))))
	_, _ = io.CopyN(response, source, count)
}

func trailers(response http.ResponseWriter, _ *http.Request) {
	body := "a body with a trailer\n"
	response.Header().Set("Trailer", "X-Sha256")
	_, _ = io.WriteString(response, body)
	_ = http.NewResponseController(response).Flush()
	sum := sha256.Sum256([]byte(body))
	response.Header().Set("X-Sha256", hex.EncodeToString(sum[:]))
}
