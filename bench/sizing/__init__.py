"""The tables of docs/performance.md: figures of the bench, and what sizes and costs follow from them."""
