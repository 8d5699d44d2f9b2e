// Command kubectl130 is the real kubectl 1.30: the same few lines as cmd/kubectl in
// kubernetes/kubernetes, which cannot be had as a module because its go.mod
// replaces half of itself. tests/peers/build.py stamps the version.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	// The auth plugins register themselves, as in a released kubectl.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		// Prints the error the way users know it, and exits.
		util.CheckErr(err)
	}
}
