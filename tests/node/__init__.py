"""Tests of spdygate.node."""
