"""Tests of spdygate.gateway."""
