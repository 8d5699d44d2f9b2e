"""Tests of spdygate: one folder a room, one file a file; peers/ are real programs."""

from hypothesis import settings

# A machine that is busy is not a failure.
settings.register_profile("spdygate", deadline=None)
settings.load_profile("spdygate")
