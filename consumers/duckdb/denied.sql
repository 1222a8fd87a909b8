-- Who was denied, where, and by which rule.
SELECT srcIp, destIp, destPort, protocol, rule, count(*) AS flows, min(time) AS first, max(time) AS last
FROM flows
WHERE decision = 'deny'
GROUP BY ALL
ORDER BY flows DESC, srcIp, destIp, destPort;
