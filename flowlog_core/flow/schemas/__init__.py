"""Kinds of output: one module each, and their names."""

from collections.abc import Mapping
from typing import Final, Literal

from flowlog_core.flow.schemas.asim import ASIM
from flowlog_core.flow.schemas.ecs import ECS
from flowlog_core.flow.schemas.flow_1 import FLOW
from flowlog_core.flow.schemas.ocsf import OCSF
from flowlog_core.flow.tree import Schema

SchemaName = Literal["flow", "ocsf", "ecs", "asim"]
"""How a setting names a schema."""

SCHEMAS: Final[Mapping[SchemaName, Schema]] = {"flow": FLOW, "ocsf": OCSF, "ecs": ECS, "asim": ASIM}

BY_VERSION: Final[Mapping[str, Schema]] = {schema.name: schema for schema in SCHEMAS.values()}
"""The same by name and version, as events carry them."""
