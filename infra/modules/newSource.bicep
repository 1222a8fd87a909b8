// A new account for flow logs, without keys; and a flow log that writes to it with an identity of its own.

import { flowLogType, storageSkuType, tagsType } from '../types.bicep'

@description('Name of the account.')
param accountName string
@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Redundancy.')
param storageSku storageSkuType
@description('Whether the public endpoint is closed to all but trusted services, of which Network Watcher is one.')
param isPrivate bool
@description('Whether a lock keeps the account from being deleted.')
param lock bool
@description('Workspace for logs.')
param workspaceId string
@description('The flow log. Without targetId none is made.')
param flowLog flowLogType
@description('Days after which Network Watcher deletes the log. 0: never.')
param retentionDays int

var targetId = flowLog.?targetId ?? ''

module account 'storageAccount.bicep' = {
  params: {
    name: accountName
    location: location
    tags: tags
    sku: storageSku
    // What virtual network flow logs are written to. Network Watcher makes it as well; the app may look before that.
    containers: ['insights-logs-flowlogflowevent']
    isPrivate: isPrivate
    lock: lock
    workspaceId: workspaceId
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${prefix}-flow-log'
  location: location
  tags: tags
}

module role 'flowLogRole.bicep' = {
  params: {
    // The name of a role assignment keeps the principal's id: see appRoles.bicep.
    #disable-next-line what-if-short-circuiting
    flowLogPrincipalId: identity.properties.principalId
    sourceAccountName: accountName
  }
  dependsOn: [account]
}

module log 'flowLog.bicep' = if (!empty(targetId)) {
  scope: resourceGroup(flowLog.?networkWatcherGroup ?? 'NetworkWatcherRG')
  params: {
    networkWatcherName: flowLog.?networkWatcherName ?? 'NetworkWatcher_${location}'
    name: '${prefix}-${last(split(targetId, '/'))}'
    location: location
    tags: tags
    targetId: targetId
    accountId: resourceId('Microsoft.Storage/storageAccounts', accountName)
    identityId: identity.id
    retentionDays: retentionDays
    enabledFilteringCriteria: flowLog.?enabledFilteringCriteria
    recordTypes: flowLog.?recordTypes
  }
  dependsOn: [role]
}

output identityId string = identity.id
