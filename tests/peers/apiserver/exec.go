package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apiproxy "k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/streaming/pkg/httpstream/wsstream"
	"k8s.io/utils/exec"
)

// startRuntime serves commands as a container runtime does, on a port of its own.
func startRuntime() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		// It ends with the process.
		_ = http.Serve(listener, http.HandlerFunc(serveCommand))
	}()
	return listener.Addr().String(), nil
}

func serveCommand(response http.ResponseWriter, request *http.Request) {
	options, err := remotecommand.NewOptions(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(
		response, request, commands{}, "", "", "", request.URL.Query()["command"], options,
		streaming.DefaultConfig.StreamIdleTimeout,
		streaming.DefaultConfig.StreamCreationTimeout,
		streaming.DefaultConfig.SupportedRemoteCommandProtocols)
}

// exec is Connect of pods/exec: the translator for WebSockets that can close
// streams, and everything else passed on.
func (a *api) exec(response http.ResponseWriter, request *http.Request) {
	if a.connectable(response, request) == nil {
		return
	}
	query := request.URL.Query()
	for _, name := range []string{"stdin", "stdout", "stderr", "tty"} {
		if on, _ := strconv.ParseBool(query.Get(name)); on {
			query.Set(map[string]string{"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}[name], "1")
		}
	}
	if len(query["command"]) == 0 {
		query.Set("command", "cat")
	}
	location := &url.URL{Scheme: "http", Host: a.runtime, Path: "/exec", RawQuery: query.Encode()}
	handler := apiproxy.NewUpgradeAwareHandler(location, nil, false, true, responder{})
	translator := proxy.NewStreamTranslatorHandler(location, nil, 0, proxy.Options{
		Stdin: query.Get("input") == "1", Stdout: query.Get("output") == "1",
		Stderr: query.Get("error") == "1", Tty: query.Get("tty") == "1",
	})
	proxy.NewTranslatingHandler(
		handler, translator, wsstream.IsWebSocketRequestWithStreamCloseProtocol).ServeHTTP(response, request)
}

// commands are the few that there are; no program is run.
//
//	cat            stdin to stdout
//	echo WORD...   the words and a newline to stdout
//	complain WORD  the words to stderr
//	exit N         ends with that status
//	yes N          N bytes to stdout
//	hang           until the client goes
type commands struct{}

// ExecInContainer runs one of them.
func (commands) ExecInContainer(ctx context.Context, _, _, _ string, command []string, stdin io.Reader, stdout, stderr io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	words := strings.Join(command[1:], " ")
	var err error
	switch command[0] {
	case "cat":
		if stdin != nil {
			_, err = io.Copy(stdout, stdin)
		}
	case "echo":
		_, err = io.WriteString(stdout, words+"\n")
	case "complain":
		_, err = io.WriteString(stderr, words+"\n")
	case "exit":
		var status int
		if status, err = strconv.Atoi(words); err == nil && status != 0 {
			err = exec.CodeExitError{Err: fmt.Errorf("exit status %d", status), Code: status}
		}
	case "yes":
		var count int64
		if count, err = strconv.ParseInt(words, 10, 64); err == nil {
			_, err = io.CopyN(stdout, yes{}, count)
		}
	case "hang":
		<-ctx.Done()
	default:
		err = fmt.Errorf("no such command: %q", command[0])
	}
	return err
}

// yes is an endless file of "y" lines.
type yes struct{}

func (yes) Read(buffer []byte) (int, error) {
	for i := range buffer {
		buffer[i] = "y\n"[i%2]
	}
	return len(buffer) &^ 1, nil
}
