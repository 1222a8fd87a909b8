-- NSG flows under the names that Microsoft's retired connector gave them.
SELECT recordTime AS time, targetResourceId AS resourceId, flowLogVersion::DOUBLE AS version, macAddress AS mac,
    rule AS nsgRuleName, epoch(flows.time)::BIGINT::VARCHAR AS startTime,
    srcIp AS sourceAddress, destIp AS destinationAddress,
    srcPort::VARCHAR AS sourcePort, destPort::VARCHAR AS destinationPort,
    CASE protocol WHEN 6 THEN 'T' WHEN 17 THEN 'U' ELSE protocol::VARCHAR END AS transportProtocol,
    upper(direction[1]) AS deviceDirection, upper(decision[1]) AS deviceAction, upper(flowState[1]) AS flowState,
    packetsSrcToDest::VARCHAR AS packetsStoD, bytesSrcToDest::VARCHAR AS bytesStoD,
    packetsDestToSrc::VARCHAR AS packetsDtoS, bytesDestToSrc::VARCHAR AS bytesDtoS
FROM flows
WHERE flowLogType = 'nsg';
