"""Read the flows of a hub as a stream, by Spark's source for Kafka, and write them to a table, each flow once.

For Spark 4 and Databricks. On Databricks the login module's name begins with `kafkashaded.`.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

SCHEMA = """
    id STRING, time TIMESTAMP, recordTime STRING, flowLogType STRING, flowLogVersion INT, macAddress STRING,
    flowLogResourceId STRING, targetResourceId STRING, aclId STRING, rule STRING, srcIp STRING, destIp STRING,
    srcPort INT, destPort INT, protocol INT, direction STRING, decision STRING, flowState STRING, encryption STRING,
    packetsSrcToDest BIGINT, bytesSrcToDest BIGINT, packetsDestToSrc BIGINT, bytesDestToSrc BIGINT
"""


def kafka_options(namespace: str, hub: str, connection_string: str) -> dict[str, str]:
    """Return the options of the source."""
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "kafka.bootstrap.servers": f"{namespace}.servicebus.windows.net:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.jaas.config": f'{login} required username="$ConnectionString" password="{connection_string}";',
        "kafka.request.timeout.ms": "60000",
        "kafka.session.timeout.ms": "30000",
        "subscribe": hub,
        "startingOffsets": "earliest",
    }


def flows(records: DataFrame) -> DataFrame:
    """Return a row for each flow of uncompressed bodies in the format `ndjson`; a line that is no flow is left out."""
    lines = records.select(f.explode(f.split(f.col("value").cast("string"), "\n")).alias("line"))
    return lines.select(f.from_json("line", SCHEMA).alias("flow")).select("flow.*").where("id IS NOT NULL")


def denied(table: DataFrame) -> DataFrame:
    """Return who was denied, where, and by which rule."""
    groups = table.where("decision = 'deny'").groupBy("srcIp", "destIp", "destPort", "protocol", "rule")
    return groups.agg(f.count("*").alias("flows"), f.min("time"), f.max("time")).orderBy(f.desc("flows"))


def run(spark: SparkSession, options: dict[str, str], *, checkpoints: str, table: str) -> None:
    """Append flows to a table until the stream is stopped; a repeat within two hours is dropped."""
    stream = flows(spark.readStream.format("kafka").options(**options).load())
    once = stream.withWatermark("time", "2 hours").dropDuplicatesWithinWatermark(["id"])
    once.writeStream.option("checkpointLocation", checkpoints).toTable(table).awaitTermination()
