"""``python -m local.event_hub``: see `local.event_hub.server`."""

from local.event_hub.server import main

if __name__ == "__main__":
    main()
