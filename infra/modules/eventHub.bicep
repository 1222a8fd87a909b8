// The destination: an Event Hubs namespace without keys, one hub, and a consumer group for each reader. Where Event Grid
// announces appends by a hub, that one is beside it.

import { hubSizeType, tagsType } from '../types.bicep'

@description('Name of the namespace.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Name of the hub.')
param hubName string
@description('Partitions and throughput units.')
param size hubSizeType
@description('Hours that the hub keeps events: 1 to 168.')
param retentionHours int
@description('Names of the consumer groups to make, one for each system that reads.')
param consumerGroups string[]
@description('Name of the hub that takes announcements. Left out: none is made.')
param announcementHubName string?
@description('Whether the public endpoint is closed to all but trusted services.')
param isPrivate bool
@description('Whether a lock keeps the namespace from being deleted.')
param lock bool
@description('Workspace for operational logs.')
param workspaceId string

var grows = size.maximumThroughputUnits > size.throughputUnits

resource eventHubNamespace 'Microsoft.EventHub/namespaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: size.throughputUnits }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: grows
    maximumThroughputUnits: grows ? size.maximumThroughputUnits : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = {
  parent: eventHubNamespace
  name: hubName
  properties: {
    partitionCount: size.partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }
  }
}

resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = [
  for groupName in consumerGroups: {
    parent: hub
    name: groupName
  }
]

// Two hubs need the Standard tier, for the second consumer group.
resource announcementHub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = if (announcementHubName != null) {
  parent: eventHubNamespace
  name: announcementHubName ?? 'none'
  properties: {
    partitionCount: 4
    // A day later the sweep has long forwarded what an event announces.
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: 24 }
  }

  resource forwarder 'consumergroups' = {
    name: 'forwarder'
  }
}

// Event Grid is a trusted service: it reaches a closed namespace with the identity of the topic.
resource trustedServices 'Microsoft.EventHub/namespaces/networkRuleSets@2026-01-01' = if (isPrivate && announcementHubName != null) {
  parent: eventHubNamespace
  name: 'default'
  properties: { publicNetworkAccess: 'Disabled', defaultAction: 'Deny', trustedServiceAccessEnabled: true }
}

resource namespaceLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: eventHubNamespace
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds flows that its readers may not have read yet.' }
}

// No stable version of this type has workspaces and categories.
#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: eventHubNamespace
  name: 'flowlog'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'OperationalLogs', enabled: true }]
  }
}
