-- One row for each connection that an interface allowed: begin, continue and end put together. Counters are deltas, so
-- their sum is the total. A connection that uses its ports again after an end is another one.
WITH counted AS (
    SELECT *, count(*) FILTER (flowState = 'end') OVER (
        PARTITION BY macAddress, direction, srcIp, srcPort, destIp, destPort, protocol
        ORDER BY time, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS number
    FROM flows
    WHERE decision = 'allow'
)
SELECT
    macAddress, direction, srcIp, srcPort, destIp, destPort, protocol, number,
    min(time) AS first, max(time) AS last, bool_or(flowState = 'end') AS ended,
    sum(bytesSrcToDest) AS bytesSrcToDest, sum(bytesDestToSrc) AS bytesDestToSrc
FROM counted
GROUP BY ALL
ORDER BY first, srcIp, srcPort;
