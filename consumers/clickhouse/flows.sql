-- What is kept: each flow once. ReplacingMergeTree drops repeats of an id when it merges; a query with FINAL sees none.
CREATE TABLE flows
(
    id String, time DateTime64(3, 'UTC'), recordTime String, flowLogType LowCardinality(String), flowLogVersion UInt8,
    macAddress LowCardinality(String), flowLogResourceId LowCardinality(Nullable(String)),
    targetResourceId LowCardinality(String), aclId LowCardinality(String), rule LowCardinality(String),
    srcIp String, destIp String, srcPort UInt16, destPort UInt16, protocol UInt8, direction LowCardinality(String),
    decision LowCardinality(String), flowState LowCardinality(Nullable(String)),
    encryption LowCardinality(Nullable(String)), packetsSrcToDest Nullable(UInt64), bytesSrcToDest Nullable(UInt64),
    packetsDestToSrc Nullable(UInt64), bytesDestToSrc Nullable(UInt64)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (decision, destPort, time, id);

-- What reads the hub. A message holds many rows, one a line; keys that the table does not have are passed over.
CREATE TABLE flows_from_hub AS flows
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '<namespace>.servicebus.windows.net:9093',
    kafka_topic_list = 'flowlogs',
    kafka_group_name = 'clickhouse',
    kafka_format = 'JSONEachRow',
    kafka_security_protocol = 'sasl_ssl',
    kafka_sasl_mechanism = 'PLAIN',
    kafka_sasl_username = '$ConnectionString',
    kafka_sasl_password = '<connection string>',
    date_time_input_format = 'best_effort',
    input_format_skip_unknown_fields = 1;

CREATE MATERIALIZED VIEW flows_view TO flows AS SELECT * FROM flows_from_hub;
