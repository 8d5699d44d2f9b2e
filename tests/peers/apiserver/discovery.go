package main

import (
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

var reading = metav1.Verbs{"get", "list", "watch"}

// subresources are what can be done with a pod.
var subresources = map[string]string{
	"pods/attach": "PodAttachOptions", "pods/exec": "PodExecOptions",
	"pods/log": "Pod", "pods/portforward": "PodPortForwardOptions",
}

// discovery adds what kubectl asks before it asks for anything.
func (a *api) discovery() {
	a.routes.HandleFunc("GET /version", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2+standin", Platform: "linux/amd64"})
	})
	a.routes.HandleFunc("GET /api", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, metav1.APIVersions{
			TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
		})
	})
	a.routes.HandleFunc("GET /apis", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, metav1.APIGroupList{
			TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{},
		})
	})
	a.routes.HandleFunc("GET /api/v1", func(response http.ResponseWriter, _ *http.Request) {
		writeJSON(response, http.StatusOK, resourceList())
	})
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		a.routes.HandleFunc("GET "+path, func(response http.ResponseWriter, _ *http.Request) {
			_, _ = response.Write([]byte("ok"))
		})
	}
	a.routes.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		writeError(response, notFound("", request.URL.Path))
	})
}

func resourceList() metav1.APIResourceList {
	answer := metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "v1",
		APIResources: []metav1.APIResource{
			{Name: "namespaces", SingularName: "namespace", Kind: "Namespace", Verbs: reading, ShortNames: []string{"ns"}},
			{Name: "nodes", SingularName: "node", Kind: "Node", Verbs: reading, ShortNames: []string{"no"}},
			{Name: "pods", SingularName: "pod", Kind: "Pod", Namespaced: true, Verbs: reading, ShortNames: []string{"po"}},
		},
	}
	for name, kind := range subresources {
		answer.APIResources = append(answer.APIResources, metav1.APIResource{
			Name: name, Kind: kind, Namespaced: true, Verbs: metav1.Verbs{"create", "get"},
		})
	}
	return answer
}
