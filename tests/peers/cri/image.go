package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	goruntime "runtime"
)

// media is what the types of OCI's image specification begin with.
const media = "application/vnd.oci.image."

// file is an entry of an archive.
type file struct {
	name    string
	content []byte
}

// descriptor points to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// writeImage writes an OCI image of one file, this program as /pause.
func writeImage(path string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	layer, err := archive([]file{{"pause", program}})
	if err != nil {
		return err
	}
	config := mustJSON(map[string]any{
		"architecture": goruntime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/pause"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	manifest := mustJSON(map[string]any{
		"schemaVersion": 2, "mediaType": media + "manifest.v1+json",
		"config": describe("config.v1+json", config),
		"layers": []descriptor{describe("layer.v1.tar", layer)},
	})
	named := describe("manifest.v1+json", manifest)
	named.Annotations = map[string]string{"io.containerd.image.name": imageName}
	index := mustJSON(map[string]any{"schemaVersion": 2, "manifests": []descriptor{named}})
	files := []file{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", index}}
	for _, blob := range [][]byte{layer, config, manifest} {
		files = append(files, file{"blobs/sha256/" + digest(blob)[len("sha256:"):], blob})
	}
	image, err := archive(files)
	if err != nil {
		return err
	}
	return os.WriteFile(path, image, 0o600)
}

func archive(files []file) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.content))}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}

func digest(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func describe(kind string, blob []byte) descriptor {
	return descriptor{MediaType: media + kind, Digest: digest(blob), Size: len(blob)}
}

func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
