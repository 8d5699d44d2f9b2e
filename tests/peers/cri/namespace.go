package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// home is where everything is kept: short, for the path of a Unix socket has 107
// characters at most, and in memory, so that it ends with the namespace.
const home = "/tmp"

// again runs this program once more, as the first process of its own namespaces:
// when that one ends, by whatever signal, the kernel ends all others.
func again() error {
	inner := exec.Command("/proc/self/exe", os.Args[1:]...)
	inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
	inner.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		// What is meant for both arrives once, from us.
		Setpgid:   true,
		Pdeathsig: syscall.SIGKILL,
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1)
	if err := inner.Start(); err != nil {
		return err
	}
	go func() {
		for received := range signals {
			_ = inner.Process.Signal(received)
		}
	}()
	return inner.Wait()
}

// furnish makes the mount namespace a place that is ours alone.
func furnish() error {
	// Nothing of what follows must be seen outside.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	// containerd's shims have their sockets below /run, whatever its own state is.
	for _, place := range []string{home, "/run"} {
		if err := syscall.Mount("tmpfs", place, "tmpfs", 0, ""); err != nil {
			return err
		}
	}
	return nil
}
