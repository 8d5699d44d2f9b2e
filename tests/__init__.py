"""Tests of spdygate: one folder a room, one file a file; peers/ are real clients and servers."""
