package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

// node is the handler of the routes, for its one pod.
type node struct {
	pod     string
	sandbox string
	runtime *runtime
	removed atomic.Bool
}

// routes has the two methods of the kubelet's routes; ServeMux answers 405 to
// others.
func (n *node) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/portForward/{ns}/{pod}", "/portForward/{ns}/{pod}/{uid}"} {
		mux.HandleFunc("GET "+path, n.serve)
		mux.HandleFunc("POST "+path, n.serve)
	}
	return mux
}

// removals takes the sandbox away when told to, while tunnels to it are open.
func (n *node) removals() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	<-told
	n.removed.Store(true)
	if err := n.runtime.remove(n.sandbox); err != nil {
		fmt.Fprintf(os.Stderr, "removal: %v\n", err)
		return
	}
	fmt.Println("removed")
}

// serve repeats getPortForward of the kubelet's pkg/kubelet/server.
func (n *node) serve(response http.ResponseWriter, request *http.Request) {
	line := request.Method + " " + request.URL.RequestURI()
	fmt.Println("asked " + line)
	defer fmt.Println("ended " + line)
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	if request.PathValue("ns")+"/"+request.PathValue("pod") != n.pod || n.removed.Load() {
		http.Error(response, "pod does not exist", http.StatusNotFound)
		return
	}
	location, err := n.runtime.streaming(request.Context(), n.sandbox, options.Ports)
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	proxy.NewUpgradeAwareHandler(location, nil, false, true, responder{}).ServeHTTP(response, request)
}

// responder answers when an upgrade cannot be passed on.
type responder struct{}

func (responder) Error(response http.ResponseWriter, _ *http.Request, err error) {
	http.Error(response, err.Error(), http.StatusInternalServerError)
}
