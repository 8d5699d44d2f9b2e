"""The node side: which pod, and how to reach its port."""
