-- Input `hub`: Event Hubs, JSON, UTF-8, compression as FLOWLOG_EVENT_COMPRESSION has it. Output `denied`: any.
SELECT
    System.Timestamp() AS windowEnd, srcIp, destIp, destPort, protocol, [rule], COUNT(*) AS flows
INTO denied
FROM hub TIMESTAMP BY [time]
WHERE decision = 'deny'
GROUP BY srcIp, destIp, destPort, protocol, [rule], TumblingWindow(minute, 5)
