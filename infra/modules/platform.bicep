// What the app stands on: network, monitoring, storage and hub.

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
@description('The hub: name, consumerGroups, retentionHours.')
param hub object
@description('Size of the hub: partitions, throughputUnits, maximumThroughputUnits.')
param hubSize object
@description('Names of the source accounts.')
param sourceAccountNames array
@description('Days after which an item of the quarantine is deleted.')
param quarantineDays int
@description('Days that sources keep a flow log. 0: for ever.')
param sourceRetentionDays int
@description('Whether public endpoints are closed, and private ones made.')
param isPrivate bool
@description('The network; see main.bicep.')
param network object
@description('Existing workspace. Empty: one is made.')
param workspaceId string
@description('Existing action groups that alerts call.')
param actionGroupIds array
@description('Addresses that alerts are mailed to.')
param alertEmails array
@description('Thresholds of the alerts; see main.bicep.')
param thresholds object
@description('Whether locks keep state and hub from being deleted.')
param lock bool

module net 'network.bicep' = if (isPrivate) {
  name: 'network'
  params: {
    prefix: prefix
    location: location
    tags: tags
    appSubnetRange: network.appSubnetRange
    endpointSubnetRange: network.endpointSubnetRange
    appSubnetId: network.appSubnetId
    endpointSubnetId: network.endpointSubnetId
    zoneIds: network.zoneIds
    zonesByPolicy: network.zonesByPolicy
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    prefix: prefix
    location: location
    tags: tags
    existingWorkspaceId: workspaceId
    retentionDays: 30
    actionGroupIds: actionGroupIds
    alertEmails: alertEmails
    thresholds: thresholds
  }
}

var noZoneIds = { blob: '', queue: '', table: '', namespace: '', sites: '' }
var endpointSubnetId = net.?outputs.endpointSubnetId ?? ''
var zoneIds = net.?outputs.zoneIds ?? noZoneIds

module data 'data.bicep' = {
  name: 'data'
  params: {
    prefix: prefix
    names: names
    location: location
    tags: tags
    storageSku: storageSku
    hubName: hub.name
    hubSize: hubSize
    hubRetentionHours: hub.retentionHours
    consumerGroups: hub.consumerGroups
    sourceAccountNames: sourceAccountNames
    quarantineDays: quarantineDays
    // A week longer than the logs: a checkpoint that goes first would let its log be forwarded again.
    checkpointDays: sourceRetentionDays > 0 ? sourceRetentionDays + 7 : 0
    isPrivate: isPrivate
    endpointSubnetId: endpointSubnetId
    zoneIds: zoneIds
    lock: lock
    workspaceId: monitoring.outputs.workspaceId
  }
}

output all object = {
  appSubnetId: net.?outputs.appSubnetId ?? ''
  endpointSubnetId: endpointSubnetId
  zoneIds: zoneIds
  workspaceId: monitoring.outputs.workspaceId
  insightsName: monitoring.outputs.insightsName
  connectionString: monitoring.outputs.connectionString
  actionGroupIds: monitoring.outputs.actionGroupIds
  hostAccountId: data.outputs.hostAccountId
  stateAccountId: data.outputs.stateAccountId
  endpoints: data.outputs.endpoints
}
