SELECT srcIp, destIp, destPort, protocol, rule, count() AS flows, min(time) AS first, max(time) AS last
FROM flows FINAL
WHERE decision = 'deny' AND time > now() - INTERVAL 1 HOUR
GROUP BY srcIp, destIp, destPort, protocol, rule
ORDER BY flows DESC;
