"""Tests of spdygate.dialect."""
