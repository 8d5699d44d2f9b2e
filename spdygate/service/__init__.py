"""Text in, services out: what twistd sees."""
