package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// serve is the subcommand that relays, until it is killed.
//
//	listening 127.0.0.1:45123
func serve(arguments []string) error {
	flags := flag.NewFlagSet("relay serve", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to serve on")
	kubelet := flags.String("kubelet", "", "URL of the kubelet, without a path: that of the client is asked for")
	cert := flags.String("tls-cert", "", "PEM file of the certificate; turns TLS on toward clients")
	key := flags.String("tls-key", "", "PEM file of its private key")
	ca := flags.String("ca", "", "PEM file of the authorities that may sign the kubelet's certificate")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	base, err := url.Parse(*kubelet)
	if err != nil || base.Host == "" {
		return fmt.Errorf("-kubelet must be a URL, not %q", *kubelet)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := &http.Server{Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		target := base.JoinPath(request.URL.Path)
		relaySession(response, request, remote{target: target, ca: *ca})
	})}
	if *cert != "" {
		return server.ServeTLS(listener, *cert, *key)
	}
	return server.Serve(listener)
}

// relaySession is one client, from the upgrade to the end of either connection.
func relaySession(response http.ResponseWriter, request *http.Request, kubelet remote) {
	toKubelet, err := kubelet.dial()
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	defer toKubelet.Close()
	protocols := []string{portforward.PortForwardProtocolV1Name}
	if _, err := httpstream.Handshake(request, response, protocols); err != nil {
		return
	}
	session := &session{toKubelet: toKubelet, ready: make(chan struct{})}
	session.toClient = spdy.NewResponseUpgrader().UpgradeResponse(response, request, session.accept)
	if session.toClient == nil {
		return
	}
	close(session.ready)
	defer session.toClient.Close()
	select {
	case <-session.toClient.CloseChan():
	case <-toKubelet.CloseChan():
	}
}

// session is a client's connection, and the one to the kubelet that is its own.
type session struct {
	toClient  httpstream.Connection
	toKubelet httpstream.Connection
	ready     chan struct{} // closed when toClient is set
	errors    sync.Map      // of channels by request id, closed when the kubelet has that error stream
}

// accept takes a stream of the client; once that is answered it is relayed.
func (s *session) accept(stream httpstream.Stream, replied <-chan struct{}) error {
	go func() {
		<-replied
		<-s.ready
		s.relay(stream)
	}()
	return nil
}

// open asks the kubelet for the same stream, and for a data stream only when it has
// the error stream of the same request id. It reads data when it has both, and the
// five workers of its spdystream do not wait: bytes that come too early fill them,
// and then no error stream gets through to set them free.
func (s *session) open(headers http.Header) (httpstream.Stream, error) {
	made, _ := s.errors.LoadOrStore(headers.Get(v1.PortForwardRequestIDHeader), make(chan struct{}))
	opened := made.(chan struct{})
	if headers.Get(v1.StreamType) == v1.StreamTypeError {
		defer close(opened)
		return s.toKubelet.CreateStream(headers)
	}
	<-opened
	s.errors.Delete(headers.Get(v1.PortForwardRequestIDHeader))
	return s.toKubelet.CreateStream(headers)
}

// relay copies a stream both ways. Error and data streams need the same.
func (s *session) relay(stream httpstream.Stream) {
	other, err := s.open(stream.Headers())
	if err != nil {
		fmt.Fprintf(os.Stderr, "stream: %v\n", err)
		_ = stream.Reset()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { copyStream(other, stream) })
	both.Go(func() { copyStream(stream, other) })
	both.Wait()
	s.toClient.RemoveStreams(stream)
	s.toKubelet.RemoveStreams(other)
}

// copyStream copies one way, and then closes that way only.
func copyStream(to, from httpstream.Stream) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Reset()
		_ = from.Reset()
		return
	}
	_ = to.Close()
}
