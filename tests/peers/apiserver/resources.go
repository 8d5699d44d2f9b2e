package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

var kinds = map[string]string{"pods": "Pod", "nodes": "Node", "namespaces": "Namespace"}

func typeOf(resource string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kinds[resource], APIVersion: "v1"}
}

// resources adds the routes of objects: get, list and watch.
func (a *api) resources() {
	for resource := range kinds {
		a.routes.HandleFunc("GET /api/v1/"+resource, func(response http.ResponseWriter, request *http.Request) {
			a.collection(response, request, resource)
		})
		a.routes.HandleFunc("GET /api/v1/watch/"+resource, func(response http.ResponseWriter, request *http.Request) {
			a.watch(response, request, resource, a.wanted(request))
		})
	}
	a.routes.HandleFunc("GET /api/v1/namespaces/{ns}/pods", func(response http.ResponseWriter, request *http.Request) {
		a.collection(response, request, "pods")
	})
	a.routes.HandleFunc("GET /api/v1/namespaces/{ns}/pods/{name}", func(response http.ResponseWriter, request *http.Request) {
		a.one(response, "pods", request.PathValue("ns")+"/"+request.PathValue("name"))
	})
	a.routes.HandleFunc("GET /api/v1/nodes/{name}", func(response http.ResponseWriter, request *http.Request) {
		a.one(response, "nodes", request.PathValue("name"))
	})
	a.routes.HandleFunc("GET /api/v1/namespaces/{name}", func(response http.ResponseWriter, request *http.Request) {
		a.one(response, "namespaces", request.PathValue("name"))
	})
}

func (a *api) one(response http.ResponseWriter, resource, key string) {
	found, exists := a.store.get(resource, key)
	if !exists {
		writeError(response, notFound(resource, key[strings.Index(key, "/")+1:]))
		return
	}
	writeJSON(response, http.StatusOK, found)
}

// wanted makes a filter of a request's namespace and selectors.
func (a *api) wanted(request *http.Request) func(object) bool {
	query := request.URL.Query()
	namespace := request.PathValue("ns")
	// What cannot be parsed selects nothing; a real server answers 400.
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		byLabel = labels.Nothing()
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		byField = fields.Nothing()
	}
	return func(o object) bool {
		set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
		if pod, is := o.(*corev1.Pod); is {
			set["spec.nodeName"] = pod.Spec.NodeName
			set["status.phase"] = string(pod.Status.Phase)
		}
		return (namespace == "" || o.GetNamespace() == namespace) &&
			byLabel.Matches(labels.Set(o.GetLabels())) && byField.Matches(set)
	}
}

// list is what a collection looks like in JSON.
type list struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ListMeta `json:"metadata"`
	Items           []object        `json:"items"`
}

func (a *api) collection(response http.ResponseWriter, request *http.Request, resource string) {
	wanted := a.wanted(request)
	query := request.URL.Query()
	if watch, _ := strconv.ParseBool(query.Get("watch")); watch {
		a.watch(response, request, resource, wanted)
		return
	}
	answer := list{TypeMeta: metav1.TypeMeta{Kind: kinds[resource] + "List", APIVersion: "v1"}, Items: []object{}}
	all, revision := a.store.list(resource)
	// A continue is the revision of the first page, and how many were there.
	skip := 0
	if token := query.Get("continue"); token != "" {
		first, count, _ := strings.Cut(token, ".")
		revision, _ = strconv.Atoi(first)
		skip, _ = strconv.Atoi(count)
		if _, _, _, _, ok := a.store.since(revision, 0); !ok {
			writeError(response, apierrors.NewResourceExpired("The provided continue parameter is too old."))
			return
		}
	}
	limit, _ := strconv.Atoi(query.Get("limit"))
	for _, o := range all {
		if !wanted(o) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if limit > 0 && len(answer.Items) == limit {
			before, _ := strconv.Atoi(afterDot(query.Get("continue")))
			answer.Metadata.Continue = strconv.Itoa(revision) + "." + strconv.Itoa(before+limit)
			break
		}
		answer.Items = append(answer.Items, o)
	}
	answer.Metadata.ResourceVersion = strconv.Itoa(revision)
	writeJSON(response, http.StatusOK, answer)
}

func afterDot(token string) string {
	_, count, _ := strings.Cut(token, ".")
	return count
}

// watch tells what happens, a line of JSON for each event, until the client goes,
// its timeoutSeconds are over, or a test cuts all watches.
func (a *api) watch(response http.ResponseWriter, request *http.Request, resource string, wanted func(object) bool) {
	query := request.URL.Query()
	response.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(response)
	revision, _ := strconv.Atoi(query.Get("resourceVersion"))
	if revision == 0 {
		// No revision, or 0: everything there is, as if it were just added.
		var all []object
		all, revision = a.store.list(resource)
		for _, o := range all {
			if wanted(o) {
				_ = encoder.Encode(change{Type: "ADDED", Object: o})
			}
		}
	}
	var over <-chan time.Time
	if seconds, _ := strconv.Atoi(query.Get("timeoutSeconds")); seconds > 0 {
		over = time.After(time.Duration(seconds) * time.Second)
	}
	index := 0
	for {
		events, next, changed, cut, ok := a.store.since(revision, index)
		if !ok {
			gone := apierrors.NewResourceExpired("too old resource version: " + strconv.Itoa(revision)).Status()
			gone.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
			_ = encoder.Encode(change{Type: "ERROR", Object: gone})
			return
		}
		index = next
		for _, event := range events {
			bookmark := event.Type == "BOOKMARK" && query.Get("allowWatchBookmarks") == "true"
			if event.resource == resource && (bookmark || event.Type != "BOOKMARK" && wanted(event.Object.(object))) {
				_ = encoder.Encode(event)
			}
		}
		_ = http.NewResponseController(response).Flush()
		select {
		case <-changed:
		case <-cut:
			return
		case <-over:
			return
		case <-request.Context().Done():
			return
		}
	}
}
