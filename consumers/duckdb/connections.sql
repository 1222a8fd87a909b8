-- One row for each connection that an interface allowed: begin, continue and end put together. Counters are deltas, so
-- their sum is the total. A 5-tuple that begins again is another connection.
WITH begun AS (
    SELECT *, max(CASE WHEN flowState = 'begin' THEN time END) OVER (
        PARTITION BY flowLogType, macAddress, srcIp, srcPort, destIp, destPort, protocol
        ORDER BY time
    ) AS began
    FROM flows
    WHERE decision = 'allow' AND flowState IS NOT NULL
)
SELECT flowLogType, macAddress, srcIp, srcPort, destIp, destPort, protocol, began,
    max(time) AS lastSeen, count(*) AS flows, bool_or(flowState = 'end') AS ended,
    sum(bytesSrcToDest + bytesDestToSrc) AS bytes, sum(packetsSrcToDest + packetsDestToSrc) AS packets
FROM begun
GROUP BY ALL
ORDER BY began, srcIp, srcPort;
