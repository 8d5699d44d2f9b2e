"""Tests of spdygate.wire."""
