module spdygate.test/peers/client2015

go 1.26.0

// 10 March 2016. The revisions that Kubernetes 0.9 to 1.1 vendored, all of 2015
// (e731c8f, 99515db, b2c3287, 43bffc4), the Go proxy refuses with 403. From them
// to this one no frame changed; races and deadlocks at the end were mended.
require github.com/docker/spdystream v0.0.0-20160310174837-449fdfce4d96
