package main

import (
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// remote is whom to ask for port-forward.
type remote struct {
	target *url.URL
	ca     string
	dialer string
}

// dial opens one session, as client-go does for kubectl. A round tripper
// remembers the connection that it upgraded, so each session has its own.
func (r remote) dial() (httpstream.Connection, error) {
	config := &rest.Config{
		Host:            r.target.Scheme + "://" + r.target.Host,
		TLSClientConfig: rest.TLSClientConfig{CAFile: r.ca},
	}
	dialer, err := r.newDialer(config)
	if err != nil {
		return nil, err
	}
	connection, protocol, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	if protocol != portforward.PortForwardProtocolV1Name {
		_ = connection.Close()
		return nil, fmt.Errorf("the server speaks %q", protocol)
	}
	return connection, nil
}

func (r remote) newDialer(config *rest.Config) (httpstream.Dialer, error) {
	if r.dialer == "websocket" {
		return portforward.NewSPDYOverWebsocketDialerForStreaming(r.target, config)
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport}
	return spdy.NewDialerForStreaming(upgrader, client, http.MethodPost, r.target), nil
}
