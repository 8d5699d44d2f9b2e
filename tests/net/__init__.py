"""Tests of spdygate.net."""
