// One virtual network flow log. It belongs to the region's Network Watcher, so this is deployed to that one's group.

import { tagsType } from '../types.bicep'

@description('Name of the region\'s Network Watcher.')
param networkWatcherName string
@description('Name of the flow log.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Id of what is logged: a virtual network, subnet or network interface.')
param targetId string
@description('Id of the account that the log is written to.')
param accountId string
@description('Id of the user-assigned identity that the log is written with.')
param identityId string
@description('Days after which Network Watcher deletes the log. 0: never.')
param retentionDays int
@description('Which flows are logged, in Azure\'s filter language. Left out: all.')
param enabledFilteringCriteria string?
@description('Which records are logged. Left out: all.')
param recordTypes string?

resource watcher 'Microsoft.Network/networkWatchers@2026-03-01' existing = {
  name: networkWatcherName
}

// An identity of its own, without which it writes with the account's keys.
resource flowLog 'Microsoft.Network/networkWatchers/flowLogs@2026-03-01' = {
  // checkov:skip=CKV_AZURE_12: how long logs are kept is a parameter; they are forwarded within minutes
  parent: watcher
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    enabled: true
    format: { type: 'JSON', version: 2 }
    retentionPolicy: { enabled: retentionDays > 0, days: retentionDays }
    storageId: accountId
    targetResourceId: targetId
    enabledFilteringCriteria: enabledFilteringCriteria
    recordTypes: recordTypes
  }
}
