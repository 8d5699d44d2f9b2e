package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// control adds what a test asks of the cluster, rather than a client:
//
//	POST /-/pods?name=NS/NAME&node=NODE&phase=PHASE&uid=UID&ip=IP&labels=a=b,c=d
//	POST /-/nodes?name=NODE&url=URL                a kubelet's; the node's status says it
//	DELETE /-/pods?name=NS/NAME, /-/nodes?name=NODE
//	POST /-/bookmark?resource=pods                 a BOOKMARK to all who watch
//	POST /-/compact                                older revisions are 410 from now on
//	POST /-/cut                                    all watches end
//	POST /-/log?name=NS/NAME                       the body is added to the pod's log
//	DELETE /-/log?name=NS/NAME                     the log is over: followers end
//	GET /-/asked                                   the last requests, with their headers
func (a *api) control() {
	a.routes.HandleFunc("POST /-/pods", func(response http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		writeJSON(response, http.StatusOK, a.putPod(query.Get("name"), query))
	})
	a.routes.HandleFunc("POST /-/nodes", func(response http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		if err := a.putNode(query.Get("name"), query.Get("url")); err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
		}
	})
	for _, resource := range []string{"pods", "nodes"} {
		a.routes.HandleFunc("DELETE /-/"+resource, func(response http.ResponseWriter, request *http.Request) {
			if !a.store.remove(resource, request.URL.Query().Get("name")) {
				http.NotFound(response, request)
			}
		})
	}
	a.routes.HandleFunc("POST /-/bookmark", func(_ http.ResponseWriter, request *http.Request) {
		a.store.bookmark(request.URL.Query().Get("resource"))
	})
	a.routes.HandleFunc("POST /-/compact", func(http.ResponseWriter, *http.Request) { a.store.compact() })
	a.routes.HandleFunc("POST /-/cut", func(http.ResponseWriter, *http.Request) { a.store.cutAll() })
	a.routes.HandleFunc("POST /-/log", func(_ http.ResponseWriter, request *http.Request) {
		words, _ := io.ReadAll(request.Body)
		logOf(request.URL.Query().Get("name")).add(words)
	})
	a.routes.HandleFunc("DELETE /-/log", func(_ http.ResponseWriter, request *http.Request) {
		logOf(request.URL.Query().Get("name")).end()
	})
	a.routes.HandleFunc("GET /-/asked", func(response http.ResponseWriter, _ *http.Request) {
		a.lock.Lock()
		defer a.lock.Unlock()
		writeJSON(response, http.StatusOK, a.asked)
	})
}

// fill makes the cluster of the command line.
func (a *api) fill() error {
	for name, target := range a.options.kubelets {
		if err := a.putNode(name, target); err != nil {
			return err
		}
	}
	for _, pod := range a.options.pods {
		name, node, _ := strings.Cut(pod, "=")
		if !strings.Contains(name, "/") {
			return fmt.Errorf("-pod is NS/NAME[=NODE], not %q", pod)
		}
		a.putPod(name, url.Values{"node": {node}})
	}
	return nil
}

// putPod adds a pod, of node1 and running unless said otherwise.
func (a *api) putPod(key string, said url.Values) object {
	namespace, name, _ := strings.Cut(key, "/")
	if _, exists := a.store.get("namespaces", namespace); !exists {
		a.store.put("namespaces", namespace, &corev1.Namespace{
			TypeMeta:   typeOf("namespaces"),
			ObjectMeta: metav1.ObjectMeta{Name: namespace},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		})
	}
	node, phase, ip := said.Get("node"), said.Get("phase"), said.Get("ip")
	if node == "" {
		node = "node1"
	}
	if phase == "" {
		phase = string(corev1.PodRunning)
	}
	if ip == "" {
		ip = "127.0.0.1"
	}
	marks, _ := labels.ConvertSelectorToLabelsMap(said.Get("labels"))
	ready := corev1.ConditionFalse
	if phase == string(corev1.PodRunning) {
		ready = corev1.ConditionTrue
	}
	return a.store.put("pods", key, &corev1.Pod{
		TypeMeta:   typeOf("pods"),
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: types.UID(said.Get("uid")), Labels: marks},
		Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "main", Image: "none"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodPhase(phase), PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "main", Ready: ready == corev1.ConditionTrue}},
		},
	})
}

// putNode adds a node whose status has the address and port of its kubelet.
func (a *api) putNode(name, target string) error {
	kubelet, err := url.Parse(target)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(kubelet.Port())
	if err != nil {
		return fmt.Errorf("the URL of kubelet %s has no port: %q", name, target)
	}
	a.lock.Lock()
	a.options.kubelets[name] = target
	a.lock.Unlock()
	a.store.put("nodes", name, &corev1.Node{
		TypeMeta:   typeOf("nodes"),
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: kubelet.Hostname()},
				{Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(port)}},
			Conditions:      []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	})
	return nil
}
