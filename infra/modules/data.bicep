// What holds data: the host's account, the state account with its lifecycle, the hub; and their private endpoints.

import { hubSizeType, privateLinkType, storageSkuType, tagsType } from '../types.bicep'

@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Storage account of the Functions host.')
param hostAccountName string
@description('Storage account for checkpoints and quarantine.')
param stateAccountName string
@description('Redundancy of both.')
param storageSku storageSkuType
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Name of the hub.')
param hubName string
@description('Size of the hub.')
param hubSize hubSizeType
@description('Hours that the hub keeps events.')
param hubRetentionHours int
@description('Consumer groups of the hub.')
param consumerGroups string[]
@description('Name of the hub that takes announcements. Left out: none is made.')
param announcementHubName string?
@description('Names of the source accounts.')
param sourceAccountNames string[]
@description('Days after which an item of the quarantine is deleted.')
param quarantineDays int
@description('Days after its last commit at which a checkpoint is deleted. 0: never.')
param checkpointDays int
@description('Where private endpoints go. Left out: public endpoints stay open.')
param privateLink privateLinkType?
@description('Whether locks keep state and hub from being deleted.')
param lock bool
@description('Workspace for logs.')
param workspaceId string

module host 'storageAccount.bicep' = {
  params: {
    name: hostAccountName
    location: location
    tags: tags
    sku: storageSku
    containers: ['app-package']
    queues: ['flowlog-events']
    isPrivate: privateLink != null
    lock: false
    workspaceId: workspaceId
  }
}

module state 'storageAccount.bicep' = {
  params: {
    name: stateAccountName
    location: location
    tags: tags
    sku: storageSku
    containers: ['flowlog-checkpoints', 'flowlog-quarantine', 'flowlog-dead-letters']
    isPrivate: privateLink != null
    lock: lock
    workspaceId: workspaceId
  }
}

module lifecycle 'lifecycle.bicep' = {
  params: {
    stateAccountName: stateAccountName
    // In small letters, as the app names it.
    destination: '${toLower(eventHubNamespaceName)}.servicebus.windows.net/${hubName}'
    sourceAccountNames: sourceAccountNames
    quarantineDays: quarantineDays
    checkpointDays: checkpointDays
  }
  dependsOn: [state]
}

module hub 'eventHub.bicep' = {
  params: {
    name: eventHubNamespaceName
    location: location
    tags: tags
    hubName: hubName
    size: hubSize
    retentionHours: hubRetentionHours
    consumerGroups: consumerGroups
    announcementHubName: announcementHubName
    isPrivate: privateLink != null
    lock: lock
    workspaceId: workspaceId
  }
}

var hostAccountId = resourceId('Microsoft.Storage/storageAccounts', hostAccountName)
var stateAccountId = resourceId('Microsoft.Storage/storageAccounts', stateAccountName)
var hubNamespaceId = resourceId('Microsoft.EventHub/namespaces', eventHubNamespaceName)
var zones = privateLink.?zoneIds ?? {}
var targets = [
  { name: 'host-blob', id: hostAccountId, groupId: 'blob', zoneId: zones.?blob }
  { name: 'host-queue', id: hostAccountId, groupId: 'queue', zoneId: zones.?queue }
  { name: 'host-table', id: hostAccountId, groupId: 'table', zoneId: zones.?table }
  { name: 'state-blob', id: stateAccountId, groupId: 'blob', zoneId: zones.?blob }
  { name: 'hub', id: hubNamespaceId, groupId: 'namespace', zoneId: zones.?namespace }
]

module endpoints 'privateEndpoint.bicep' = [
  for target in targets: if (privateLink != null) {
    params: {
      name: '${prefix}-${target.name}'
      location: location
      tags: tags
      subnetId: privateLink.?subnetId ?? ''
      targetId: target.id
      groupId: target.groupId
      zoneId: target.zoneId ?? ''
    }
    dependsOn: [host, state, hub]
  }
]
