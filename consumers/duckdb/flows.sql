-- The table of flows: all files flows*.ndjson and flows*.ndjson.gz of the folder, each flow once. communityId is a key on
-- request, and null where flows don't have it.
CREATE OR REPLACE TABLE flows AS
SELECT DISTINCT ON (id) *
FROM read_json('flows*.ndjson*', format = 'newline_delimited', columns = {
    id: 'VARCHAR', time: 'TIMESTAMP', recordTime: 'VARCHAR', flowLogType: 'VARCHAR', flowLogVersion: 'UTINYINT',
    macAddress: 'VARCHAR', flowLogResourceId: 'VARCHAR', targetResourceId: 'VARCHAR', aclId: 'VARCHAR', rule: 'VARCHAR',
    srcIp: 'VARCHAR', destIp: 'VARCHAR', srcPort: 'USMALLINT', destPort: 'USMALLINT', protocol: 'UTINYINT',
    direction: 'VARCHAR', decision: 'VARCHAR', flowState: 'VARCHAR', encryption: 'VARCHAR',
    packetsSrcToDest: 'BIGINT', bytesSrcToDest: 'BIGINT', packetsDestToSrc: 'BIGINT', bytesDestToSrc: 'BIGINT',
    communityId: 'VARCHAR'
});
