"""Tests of spdygate.service."""
