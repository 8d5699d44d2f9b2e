package main

import (
	"sort"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// object is what is kept: a pod, a node or a namespace.
type object interface {
	runtime.Object
	metav1.Object
}

// change is one event of a watch.
type change struct {
	Type     string `json:"type"`
	Object   any    `json:"object"`
	resource string
	revision int
}

// store has all objects, and all that ever happened to them.
//
// A watch reads the history from where it stands, and waits on changed, which is
// closed and replaced whenever there is more of it.
type store struct {
	lock     sync.Mutex
	revision int
	objects  map[string]map[string]object
	history  []change
	// oldest is the first revision from which a watch may still begin.
	oldest  int
	changed chan struct{}
	// cut is closed and replaced to end all watches.
	cut chan struct{}
}

func newStore() *store {
	return &store{
		revision: 100,
		oldest:   100,
		objects:  map[string]map[string]object{"pods": {}, "nodes": {}, "namespaces": {}},
		changed:  make(chan struct{}),
		cut:      make(chan struct{}),
	}
}

// put adds an object or replaces it; its uid and creation stay unless given.
func (s *store) put(resource, key string, o object) object {
	s.lock.Lock()
	defer s.lock.Unlock()
	kind := "ADDED"
	s.revision++
	o.SetResourceVersion(strconv.Itoa(s.revision))
	o.SetCreationTimestamp(metav1.NewTime(time.Now()))
	if old, exists := s.objects[resource][key]; exists {
		kind = "MODIFIED"
		o.SetCreationTimestamp(old.GetCreationTimestamp())
		if o.GetUID() == "" {
			o.SetUID(old.GetUID())
		}
	}
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-" + strconv.Itoa(s.revision)))
	}
	s.objects[resource][key] = o
	s.happened(change{Type: kind, Object: o, resource: resource, revision: s.revision})
	return o
}

// remove takes an object away, and says whether it was there.
func (s *store) remove(resource, key string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	old, exists := s.objects[resource][key]
	if !exists {
		return false
	}
	delete(s.objects[resource], key)
	s.revision++
	// The last words of an object have the revision of its end.
	last := old.DeepCopyObject().(object)
	last.SetResourceVersion(strconv.Itoa(s.revision))
	s.happened(change{Type: "DELETED", Object: last, resource: resource, revision: s.revision})
	return true
}

// happened adds to the history; the lock is held.
func (s *store) happened(event change) {
	s.history = append(s.history, event)
	close(s.changed)
	s.changed = make(chan struct{})
}

// bookmark tells every watch of a resource how far it is.
func (s *store) bookmark(resource string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	meta := metav1.ObjectMeta{ResourceVersion: strconv.Itoa(s.revision)}
	var mark object = &corev1.Pod{TypeMeta: typeOf("pods"), ObjectMeta: meta}
	if resource == "nodes" {
		mark = &corev1.Node{TypeMeta: typeOf("nodes"), ObjectMeta: meta}
	}
	s.happened(change{Type: "BOOKMARK", Object: mark, resource: resource, revision: s.revision})
}

// compact forgets the past: watches and continues from it are answered 410, and
// watches that are open are told so, too.
func (s *store) compact() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.revision++
	s.oldest = s.revision
	s.history = nil
	close(s.changed)
	s.changed = make(chan struct{})
}

// cutAll ends every watch, without a word.
func (s *store) cutAll() {
	s.lock.Lock()
	defer s.lock.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

func (s *store) get(resource, key string) (object, bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	o, exists := s.objects[resource][key]
	return o, exists
}

// list returns all objects of a resource by their keys' order, and the revision.
func (s *store) list(resource string) ([]object, int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	keys := make([]string, 0, len(s.objects[resource]))
	for key := range s.objects[resource] {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	objects := make([]object, 0, len(keys))
	for _, key := range keys {
		objects = append(objects, s.objects[resource][key])
	}
	return objects, s.revision
}

// since returns what happened after a revision from index on, the next index, and
// the two signals to wait for; ok is false when that much is not remembered.
func (s *store) since(revision, index int) (events []change, next int, changed, cut chan struct{}, ok bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if revision < s.oldest || index > len(s.history) {
		return nil, 0, nil, nil, false
	}
	for _, event := range s.history[index:] {
		if event.revision > revision || event.Type == "BOOKMARK" && event.revision == revision {
			events = append(events, event)
		}
	}
	return events, len(s.history), s.changed, s.cut, true
}
