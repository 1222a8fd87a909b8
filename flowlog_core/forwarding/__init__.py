"""Forwarding as use cases over ports: one blob under its lease, and the sweep that finds what no event announced."""
