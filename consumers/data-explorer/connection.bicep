// The tables of database.kql in an existing database, and the data connection that fills them from the hub.
// Deploy it into the resource group of the cluster: see docs/consumers/data-explorer.md.

@description('The cluster. It has a system-assigned identity, which may read the hub.')
param clusterName string
@description('The region of the cluster.')
param location string = resourceGroup().location
@description('A database of the cluster.')
param databaseName string
@description('Resource id of the event hub: …/namespaces/…/eventhubs/flowlogs.')
param eventHubId string
@description('Consumer group for this connection alone.')
param consumerGroup string = 'data-explorer'
@description('GZip where FLOWLOG_EVENT_COMPRESSION is gzip, None where it is none. One connection reads one of them.')
@allowed(['None', 'GZip'])
param compression string = 'GZip'
@description('The events that the hub still has are read from this time on. Empty: from the deployment on.')
param retrievalStartDate string = ''

resource cluster 'Microsoft.Kusto/clusters@2025-02-14' existing = {
  name: clusterName
}

resource database 'Microsoft.Kusto/clusters/databases@2025-02-14' existing = {
  parent: cluster
  name: databaseName
}

resource tables 'Microsoft.Kusto/clusters/databases/scripts@2025-02-14' = {
  parent: database
  name: 'flow-logs'
  properties: {
    // The script holds no secret.
    #disable-next-line use-secure-value-for-secure-inputs
    scriptContent: loadTextContent('database.kql')
    continueOnErrors: false
    // The same script runs again only under another tag.
    forceUpdateTag: uniqueString(loadTextContent('database.kql'))
  }
}

resource connection 'Microsoft.Kusto/clusters/databases/dataConnections@2025-02-14' = {
  parent: database
  name: 'flow-logs'
  location: location
  kind: 'EventHub'
  properties: {
    eventHubResourceId: eventHubId
    consumerGroup: consumerGroup
    managedIdentityResourceId: cluster.id
    tableName: 'FlowLogsReceived'
    mappingRuleName: 'flow-1'
    // JSON is one object a line, as ndjson and json are. MULTIJSON discards a complete batch for one line in error.
    dataFormat: 'JSON'
    compression: compression
    databaseRouting: 'Single'
    retrievalStartDate: empty(retrievalStartDate) ? null : retrievalStartDate
  }
  dependsOn: [tables]
}
