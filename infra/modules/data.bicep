// What holds data: the host's account, the state account with its lifecycle, the hub; and their private endpoints.

@description('Start of the names.')
param prefix string
@description('Names of the resources; see main.bicep.')
param names object
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Redundancy of the storage accounts: Standard_LRS or Standard_ZRS.')
param storageSku string
@description('Name of the hub.')
param hubName string
@description('Size of the hub: partitions, throughputUnits, maximumThroughputUnits.')
param hubSize object
@description('Hours that the hub keeps events.')
param hubRetentionHours int
@description('Consumer groups of the hub.')
param consumerGroups array
@description('Names of the source accounts.')
param sourceAccountNames array
@description('Days after which an item of the quarantine is deleted.')
param quarantineDays int
@description('Days after its last commit at which a checkpoint is deleted. 0: never.')
param checkpointDays int
@description('Whether public endpoints are closed, and private ones made.')
param isPrivate bool
@description('Subnet of the private endpoints.')
param endpointSubnetId string
@description('Private DNS zones by sub-resource; empty ids: no records.')
param zoneIds object
@description('Whether locks keep state and hub from being deleted.')
param lock bool
@description('Workspace for logs.')
param workspaceId string

module host 'storageAccount.bicep' = {
  name: 'host-account'
  params: {
    name: names.hostAccount
    location: location
    tags: tags
    sku: storageSku
    containers: ['app-package']
    queues: ['flowlog-events']
    isPrivate: isPrivate
    lock: false
    workspaceId: workspaceId
  }
}

module state 'storageAccount.bicep' = {
  name: 'state-account'
  params: {
    name: names.stateAccount
    location: location
    tags: tags
    sku: storageSku
    containers: ['flowlog-checkpoints', 'flowlog-quarantine', 'flowlog-dead-letters']
    isPrivate: isPrivate
    lock: lock
    workspaceId: workspaceId
  }
}

module lifecycle 'lifecycle.bicep' = {
  name: 'state-lifecycle'
  params: {
    stateAccountName: state.outputs.name
    // In small letters, as the app names it.
    destination: '${toLower(names.eventHubNamespace)}.servicebus.windows.net/${hubName}'
    sourceAccountNames: sourceAccountNames
    quarantineDays: quarantineDays
    checkpointDays: checkpointDays
  }
}

module hub 'eventHub.bicep' = {
  name: 'event-hub'
  params: {
    name: names.eventHubNamespace
    location: location
    tags: tags
    hubName: hubName
    partitions: hubSize.partitions
    retentionHours: hubRetentionHours
    consumerGroups: consumerGroups
    throughputUnits: hubSize.throughputUnits
    maximumThroughputUnits: hubSize.maximumThroughputUnits
    isPrivate: isPrivate
    lock: lock
    workspaceId: workspaceId
  }
}

// Ids from names, not from outputs: how many endpoints there are must be known before anything is deployed.
var accountType = 'Microsoft.Storage/storageAccounts'
var targets = [
  { name: 'host-blob', id: resourceId(accountType, names.hostAccount), groupId: 'blob' }
  { name: 'host-queue', id: resourceId(accountType, names.hostAccount), groupId: 'queue' }
  { name: 'host-table', id: resourceId(accountType, names.hostAccount), groupId: 'table' }
  { name: 'state-blob', id: resourceId(accountType, names.stateAccount), groupId: 'blob' }
  { name: 'hub', id: resourceId('Microsoft.EventHub/namespaces', names.eventHubNamespace), groupId: 'namespace' }
]

module endpoints 'privateEndpoint.bicep' = [for target in targets: if (isPrivate) {
  name: 'endpoint-${target.name}'
  params: {
    name: '${prefix}-${target.name}'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    targetId: target.id
    groupId: target.groupId
    zoneId: zoneIds[target.groupId]
  }
  dependsOn: [host, state, hub]
}]

output hostAccountId string = host.outputs.id
output stateAccountId string = state.outputs.id
output endpoints object = {
  hostBlob: host.outputs.blobEndpoint
  hostQueue: host.outputs.queueEndpoint
  hostTable: host.outputs.tableEndpoint
  stateBlob: state.outputs.blobEndpoint
}
