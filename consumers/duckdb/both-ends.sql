-- Flows and bytes, each connection once that both of its ends logged: where it was sent. It takes communityId.
WITH sentFromHere AS (
    SELECT DISTINCT communityId FROM flows
    WHERE direction = 'outbound' AND decision = 'allow' AND communityId IS NOT NULL
)
SELECT srcIp, destIp, destPort, protocol, count(*) AS flows, sum(bytesSrcToDest + bytesDestToSrc) AS bytes
FROM flows
WHERE direction = 'outbound' OR decision = 'deny' OR communityId IS NULL
    OR communityId NOT IN (SELECT communityId FROM sentFromHere)
GROUP BY ALL
ORDER BY bytes DESC NULLS LAST, srcIp, destIp, destPort;
