// The destination: an Event Hubs namespace without keys, one hub, and a consumer group for each reader.

@description('Name of the namespace.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Name of the hub.')
param hubName string
@description('Partitions of the hub. They cannot be changed later on the Standard tier.')
param partitions int
@description('Hours that the hub keeps events: 1 to 168.')
param retentionHours int
@description('Names of the consumer groups to make, one for each system that reads.')
param consumerGroups array
@description('Throughput units: 1 MB/s or 1,000 events/s each.')
param throughputUnits int
@description('Throughput units up to which the namespace grows by itself. The same as throughputUnits: it does not.')
param maximumThroughputUnits int
@description('Whether the public endpoint is closed to all but trusted services.')
param isPrivate bool
@description('Whether a lock keeps the namespace from being deleted.')
param lock bool
@description('Workspace for operational logs.')
param workspaceId string

resource eventHubNamespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: throughputUnits }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: maximumThroughputUnits > throughputUnits
    maximumThroughputUnits: maximumThroughputUnits > throughputUnits ? maximumThroughputUnits : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: eventHubNamespace
  name: hubName
  properties: {
    partitionCount: partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }
  }
}

resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [for groupName in consumerGroups: {
  parent: hub
  name: groupName
}]

resource namespaceLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: eventHubNamespace
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds flows that its readers may not have read yet.' }
}

// No stable version of this type exists.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: eventHubNamespace
  name: 'flowlog'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'OperationalLogs', enabled: true }]
  }
}

output id string = eventHubNamespace.id
output name string = eventHubNamespace.name
output hubName string = hub.name
