package main

import (
	"net/http"
	"strconv"
	"sync"
)

// podLog is what a pod has printed so far.
type podLog struct {
	lock    sync.Mutex
	words   []byte
	ended   bool
	changed chan struct{}
}

var (
	logsLock sync.Mutex
	logs     = map[string]*podLog{}
)

// logOf returns the log of a pod; one that was never added to says so.
func logOf(pod string) *podLog {
	logsLock.Lock()
	defer logsLock.Unlock()
	if logs[pod] == nil {
		logs[pod] = &podLog{words: []byte("the log of " + pod + "\n"), changed: make(chan struct{})}
	}
	return logs[pod]
}

func (l *podLog) add(words []byte) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.words = append(l.words, words...)
	l.wake()
}

func (l *podLog) end() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.ended = true
	l.wake()
}

// wake tells everyone who follows; the lock is held.
func (l *podLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *podLog) from(position int) ([]byte, bool, chan struct{}) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.words[position:], l.ended, l.changed
}

// log is pods/log, with follow.
func (a *api) log(response http.ResponseWriter, request *http.Request) {
	if a.connectable(response, request) == nil {
		return
	}
	pod := logOf(request.PathValue("ns") + "/" + request.PathValue("name"))
	follow, _ := strconv.ParseBool(request.URL.Query().Get("follow"))
	response.Header().Set("Content-Type", "text/plain")
	for position := 0; ; {
		words, ended, changed := pod.from(position)
		position += len(words)
		if _, err := response.Write(words); err != nil || ended || !follow {
			return
		}
		_ = http.NewResponseController(response).Flush()
		select {
		case <-changed:
		case <-request.Context().Done():
			return
		}
	}
}
