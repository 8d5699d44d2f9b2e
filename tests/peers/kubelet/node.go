package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	apiproxy "k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// The generations of a node, by the names that spdygate has for them.
const (
	spdyGeneration     = "spdy"
	tunnelGeneration   = "tunnel"
	channelsGeneration = "channels"
)

// generation is what a request asks for.
func generation(request *http.Request) string {
	switch {
	case wsstream.IsWebSocketRequestWithTunnelingProtocol(request):
		return tunnelGeneration
	case wsstream.IsWebSocketRequest(request):
		return channelsGeneration
	}
	return spdyGeneration
}

// node is the handler of the routes.
type node struct {
	options options
	runtime loopback
	// streaming is where the runtime listens; only the tunnel goes there.
	streaming string
}

func newNode(o options) (http.Handler, error) {
	n := &node{options: o, runtime: loopback{grace: o.grace}}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.streaming = inner.Addr().String()
	go func() {
		// It ends with the process, as the runtime's own server does.
		_ = http.Serve(inner, routes(n.stream))
	}()
	return routes(n.serve), nil
}

// routes has the two methods of the kubelet's routes; ServeMux answers 405 to
// others.
func routes(serve http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/portForward/{ns}/{pod}", "/portForward/{ns}/{pod}/{uid}"} {
		mux.HandleFunc("GET "+path, serve)
		mux.HandleFunc("POST "+path, serve)
	}
	return mux
}

// serve is the kubelet's part: who asks, for which pod, in which way.
func (n *node) serve(response http.ResponseWriter, request *http.Request) {
	if !n.authentic(request) {
		http.Error(response, "Unauthorized", http.StatusUnauthorized)
		return
	}
	what := generation(request)
	line := what + " " + request.Method + " " + request.URL.RequestURI()
	fmt.Println("asked " + line)
	defer fmt.Println("ended " + line)
	if what == tunnelGeneration && !n.options.generations[tunnelGeneration] {
		// To a kubelet before 1.36 it is one more WebSocket: the library refuses
		// it for want of ports, or of a protocol that it knows.
		what = channelsGeneration
	}
	if !n.options.generations[what] {
		// What is left of an upgrade behind a proxy that does not pass it on.
		request.Header.Del("Upgrade")
		request.Header.Del("Connection")
	}
	if reason := n.unknown(request); reason != "" {
		http.Error(response, reason, http.StatusNotFound)
		return
	}
	if what == tunnelGeneration {
		n.tunnel(response, request)
		return
	}
	n.stream(response, request)
}

// authentic says whether the request has the token, if one is required.
func (n *node) authentic(request *http.Request) bool {
	if n.options.token == "" {
		return true
	}
	token, err := os.ReadFile(n.options.token)
	if err != nil {
		fmt.Fprintf(os.Stderr, "token: %v\n", err)
		return false
	}
	return request.Header.Get("Authorization") == "Bearer "+strings.TrimSpace(string(token))
}

// unknown says in the kubelet's words why a pod is not to be had.
func (n *node) unknown(request *http.Request) string {
	if len(n.options.pods) == 0 {
		return ""
	}
	uid, exists := n.options.pods[request.PathValue("ns")+"/"+request.PathValue("pod")]
	if !exists {
		return "pod does not exist"
	}
	if asked := request.PathValue("uid"); asked != "" && uid != "" && asked != uid {
		return "pod not found"
	}
	return ""
}

// tunnel takes SPDY out of its WebSocket on the way to the runtime.
func (n *node) tunnel(response http.ResponseWriter, request *http.Request) {
	location := &url.URL{Scheme: "http", Host: n.streaming, Path: request.URL.Path}
	upgrade := apiproxy.NewUpgradeAwareHandler(location, nil, false, true, apiproxy.NewErrorResponder(refusal{response}))
	proxy.NewTunnelingHandler(upgrade).ServeHTTP(response, request)
}

// refusal tells a client what went wrong on the way to the runtime.
type refusal struct {
	response http.ResponseWriter
}

func (r refusal) Error(err error) {
	http.Error(r.response, err.Error(), http.StatusInternalServerError)
}

// stream is the runtime's part.
func (n *node) stream(response http.ResponseWriter, request *http.Request) {
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	// A runtime knows a sandbox, not a pod, and no uid: error texts have
	// neither. The name stands in for the sandbox's id to keep them readable.
	sandbox := request.PathValue("ns") + "_" + request.PathValue("pod")
	portforward.ServePortForward(
		response, request, n.runtime, sandbox, "", options,
		streaming.DefaultConfig.StreamIdleTimeout,
		streaming.DefaultConfig.StreamCreationTimeout,
		streaming.DefaultConfig.SupportedPortForwardProtocols)
}
