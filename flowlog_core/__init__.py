"""Azure network flow logs, from a growing blob to flat flows on Event Hubs.

The package is layered, and imports point down only: use cases and adapters, then ports, then a pure core that never
imports ``azure``, reads the environment or the clock. ``docs/architecture.md`` has the map.
"""

__version__ = "0.1.0"
