"""Bytes of a flow log in, decoded records out: framing, formats, and what can't be decoded. No I/O."""
