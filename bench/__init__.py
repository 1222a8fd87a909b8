"""Measures the product, whole and stage by stage: ``make bench``. README.md tells what each figure means."""
