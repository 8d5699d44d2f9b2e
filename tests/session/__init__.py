"""Tests of spdygate.session."""
