"""Tests of spdygate.observe."""
