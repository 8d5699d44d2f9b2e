package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// imageName is what containerd knows the image by; no registry has it.
const imageName = "spdygate.test/pause:1"

// configuration of a containerd that needs as little of its machine as possible:
// no overlay, no cgroups of its own, no CNI.
const configuration = `version = 2
root = "` + home + `/root"
state = "` + home + `/state"
[grpc]
  address = "` + home + `/socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + imageName + `"
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`

// runtime is a containerd that runs.
type runtime struct {
	client cri.RuntimeServiceClient
}

// startRuntime starts a containerd, and waits until it answers.
func startRuntime(ctx context.Context, containerd string) (*runtime, error) {
	config := filepath.Join(home, "config.toml")
	if err := os.WriteFile(config, []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(home, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	process := exec.Command(containerd, "--config", config)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		return nil, err
	}
	r := &runtime{}
	if err := r.prepare(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, r.lastWords())
	}
	return r, nil
}

// prepare connects to the runtime, and gives it its image.
func (r *runtime) prepare(ctx context.Context) error {
	socket := filepath.Join(home, "socket")
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	r.client = cri.NewRuntimeServiceClient(conn)
	within, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	version, err := r.client.Version(within, &cri.VersionRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	fmt.Printf("runtime %s %s\n", version.RuntimeName, version.RuntimeVersion)
	image := filepath.Join(home, "image.tar")
	if err := writeImage(image); err != nil {
		return err
	}
	load := exec.CommandContext(within, "ctr", "--address", socket, "--namespace", "k8s.io",
		"images", "import", "--snapshotter", "native", image)
	if words, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("ctr images import: %w: %s", err, words)
	}
	return nil
}

// run runs a sandbox that has the host's namespaces, and returns its id.
func (r *runtime) run(ctx context.Context, pod string) (string, error) {
	namespace, name, _ := strings.Cut(pod, "/")
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := r.client.RunPodSandbox(within, &cri.RunPodSandboxRequest{
		Config: &cri.PodSandboxConfig{
			Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: "uid"},
			LogDirectory: filepath.Join(home, "logs"),
			Linux: &cri.LinuxPodSandboxConfig{
				SecurityContext: &cri.LinuxSandboxSecurityContext{
					NamespaceOptions: &cri.NamespaceOption{
						Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_NODE, Ipc: cri.NamespaceMode_NODE,
					},
				},
			},
		},
	})
	if err != nil {
		return "", err
	}
	return answer.PodSandboxId, nil
}

// streaming asks where the ports of a sandbox are to be had, once.
func (r *runtime) streaming(ctx context.Context, sandbox string, ports []int32) (*url.URL, error) {
	answer, err := r.client.PortForward(ctx, &cri.PortForwardRequest{PodSandboxId: sandbox, Port: ports})
	if err != nil {
		return nil, err
	}
	return url.Parse(answer.Url)
}

// remove takes a sandbox away.
func (r *runtime) remove(sandbox string) error {
	within, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := r.client.StopPodSandbox(within, &cri.StopPodSandboxRequest{PodSandboxId: sandbox}); err != nil {
		return err
	}
	_, err := r.client.RemovePodSandbox(within, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox})
	return err
}

// lastWords is the end of the runtime's log.
func (*runtime) lastWords() string {
	words, _ := os.ReadFile(filepath.Join(home, "log"))
	return string(words[max(0, len(words)-4000):])
}
