package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiproxy "k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// connect adds the subresources that are upgraded, each with GET and POST.
func (a *api) connect() {
	for path, serve := range map[string]http.HandlerFunc{
		"portforward": a.portForward, "exec": a.exec, "attach": a.exec,
	} {
		path = " /api/v1/namespaces/{ns}/pods/{name}/" + path
		a.routes.HandleFunc("GET"+path, serve)
		a.routes.HandleFunc("POST"+path, serve)
	}
	a.routes.HandleFunc("GET /api/v1/namespaces/{ns}/pods/{name}/log", a.log)
}

// connectable returns the pod of a request, or answers why not.
func (a *api) connectable(response http.ResponseWriter, request *http.Request) *corev1.Pod {
	name := request.PathValue("name")
	key := request.PathValue("ns") + "/" + name
	if a.options.forbidden[key] {
		resource := schema.GroupResource{Resource: "pods/portforward"}
		writeError(response, apierrors.NewForbidden(resource, name, fmt.Errorf("nobody may")))
		return nil
	}
	found, exists := a.store.get("pods", key)
	if !exists {
		writeError(response, notFound("pods", name))
		return nil
	}
	return found.(*corev1.Pod)
}

// portForward is Connect of pods/portforward.
func (a *api) portForward(response http.ResponseWriter, request *http.Request) {
	pod := a.connectable(response, request)
	if pod == nil {
		return
	}
	what := generation(request)
	if what == tunnelGeneration && !a.options.generations[tunnelGeneration] {
		// Before 1.30 it is one more WebSocket, passed on to the kubelet.
		what = channelsGeneration
	}
	if !a.options.generations[what] {
		// What is left of an upgrade behind a proxy that does not pass it on.
		request.Header.Del("Upgrade")
		request.Header.Del("Connection")
	}
	a.lock.Lock()
	target := a.options.kubelets[pod.Spec.NodeName]
	a.lock.Unlock()
	location, err := url.Parse(target)
	if err != nil || target == "" {
		writeError(response, apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", pod.Name)))
		return
	}
	location.Path = "/portForward/" + pod.Namespace + "/" + pod.Name
	if ports := request.URL.Query()["ports"]; len(ports) > 0 {
		location.RawQuery = url.Values{"port": {strings.Join(ports, ",")}}.Encode()
	}
	var handler http.Handler
	if handler, err = a.toKubelet(location); err != nil {
		writeError(response, err)
		return
	}
	if what == tunnelGeneration {
		handler = proxy.NewTranslatingHandler(
			handler, proxy.NewTunnelingHandler(handler), wsstream.IsWebSocketRequestWithTunnelingProtocol)
	}
	handler.ServeHTTP(response, request)
}

// toKubelet passes an upgrade on.
func (a *api) toKubelet(location *url.URL) (http.Handler, error) {
	config, err := a.options.kubelet.tls()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config}
	handler := apiproxy.NewUpgradeAwareHandler(location, transport, false, true, responder{})
	handler.UpgradeTransport = apiproxy.NewUpgradeRequestRoundTripper(transport, a.options.kubelet)
	return handler, nil
}

func (k kubeletOptions) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: k.ca == ""}
	if k.ca != "" {
		pool, err := readPool(k.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if k.cert != "" {
		pair, err := tls.LoadX509KeyPair(k.cert, k.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// RoundTrip adds the token for kubelets to a request that is passed on.
func (k kubeletOptions) RoundTrip(request *http.Request) (*http.Response, error) {
	if k.token != "" {
		token, err := os.ReadFile(k.token)
		if err != nil {
			return nil, err
		}
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return apiproxy.MirrorRequest.RoundTrip(request)
}

// responder answers with a Status when an upgrade cannot be passed on.
type responder struct{}

func (responder) Error(response http.ResponseWriter, _ *http.Request, err error) {
	writeError(response, err)
}
