package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/websocket"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// asked is what a client asked, as it arrived; a test reads it at /-/asked.
type asked struct {
	Method string      `json:"method"`
	URI    string      `json:"uri"`
	Proto  string      `json:"proto"`
	Host   string      `json:"host"`
	Header http.Header `json:"header"`
	User   string      `json:"user"`
}

// api is the whole server.
type api struct {
	options options
	store   *store
	runtime string
	routes  *http.ServeMux

	lock  sync.Mutex
	asked []asked
}

func newAPI(o options) (*api, error) {
	a := &api{options: o, store: newStore(), routes: http.NewServeMux()}
	var err error
	if a.runtime, err = startRuntime(); err != nil {
		return nil, err
	}
	if err := a.fill(); err != nil {
		return nil, err
	}
	a.control()
	a.discovery()
	a.resources()
	a.connect()
	a.bodies()
	return a, nil
}

// ServeHTTP is the chain of filters of an API server, as far as there is one.
func (a *api) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	if strings.HasPrefix(request.URL.Path, "/-/") {
		a.routes.ServeHTTP(response, request)
		return
	}
	seen := asked{request.Method, request.URL.RequestURI(), request.Proto, request.Host, request.Header.Clone(), ""}
	line := request.Method + " " + request.URL.RequestURI() + " " + generation(request)
	fmt.Println("asked " + line)
	defer fmt.Println("ended " + line)
	name, ok := a.authenticate(request)
	seen.User = name
	a.remember(seen)
	if !ok {
		writeError(response, apierrors.NewUnauthorized("Unauthorized"))
		return
	}
	a.routes.ServeHTTP(response, request)
}

// generation is what a request asks to be upgraded to.
func generation(request *http.Request) string {
	switch {
	case wsstream.IsWebSocketRequestWithTunnelingProtocol(request):
		return tunnelGeneration
	case wsstream.IsWebSocketRequest(request):
		return channelsGeneration
	case httpstream.IsUpgradeRequest(request):
		return spdyGeneration
	}
	return plainGeneration
}

// authenticate says who asks, and takes the credentials away, as the filter of an
// API server does.
func (a *api) authenticate(request *http.Request) (string, bool) {
	if request.TLS != nil && len(request.TLS.VerifiedChains) > 0 {
		return request.TLS.VerifiedChains[0][0].Subject.CommonName, true
	}
	if a.options.token == "" {
		return "", true
	}
	for _, method := range []authenticator.Request{
		bearertoken.New(authenticator.TokenFunc(a.known)),
		websocket.NewProtocolAuthenticator(authenticator.TokenFunc(a.known)),
	} {
		answer, ok, _ := method.AuthenticateRequest(request)
		if ok {
			request.Header.Del("Authorization")
			return answer.User.GetName(), true
		}
	}
	return "", false
}

// known looks a token up in the file, which a test may change at any time.
func (a *api) known(_ context.Context, token string) (*authenticator.Response, bool, error) {
	content, err := os.ReadFile(a.options.token)
	if err != nil {
		return nil, false, err
	}
	for _, line := range strings.Split(string(content), "\n") {
		known, name, _ := strings.Cut(strings.TrimSpace(line), ",")
		if known != "" && known == token {
			return &authenticator.Response{User: &user.DefaultInfo{Name: name}}, true, nil
		}
	}
	return nil, false, nil
}

// remember keeps the last thousand requests.
func (a *api) remember(seen asked) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if len(a.asked) >= 1000 {
		a.asked = a.asked[1:]
	}
	a.asked = append(a.asked, seen)
}

func newTLS(o options) (*tls.Config, error) {
	config := &tls.Config{}
	if o.clientCA == "" {
		return config, nil
	}
	pool, err := readPool(o.clientCA)
	config.ClientAuth = tls.VerifyClientCertIfGiven
	config.ClientCAs = pool
	return config, err
}

func readPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return pool, nil
}

// writeJSON answers with an object.
func writeJSON(response http.ResponseWriter, status int, object any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	// A client that has gone away is its own business.
	_ = json.NewEncoder(response).Encode(object)
}

// writeError answers with a Status.
func writeError(response http.ResponseWriter, err error) {
	status := apierrors.APIStatus(apierrors.NewInternalError(err))
	if known, ok := err.(apierrors.APIStatus); ok {
		status = known
	}
	object := status.Status()
	object.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	writeJSON(response, int(object.Code), object)
}

func notFound(resource, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name)
}
