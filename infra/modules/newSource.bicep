// A new account for flow logs, without keys; and a flow log that writes to it with an identity of its own.

@description('Name of the account.')
param accountName string
@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Redundancy: Standard_LRS or Standard_ZRS.')
param storageSku string
@description('Whether the public endpoint is closed to all but trusted services, of which Network Watcher is one.')
param isPrivate bool
@description('Whether a lock keeps the account from being deleted.')
param lock bool
@description('Workspace for logs.')
param workspaceId string
@description('The flow log; see main.bicep. Without targetId none is made.')
param flowLog object
@description('Days after which Network Watcher deletes the log. 0: never.')
param retentionDays int

var defaults = { targetId: '', networkWatcherName: 'NetworkWatcher_${location}', networkWatcherGroup: 'NetworkWatcherRG' }
var wanted = union(defaults, flowLog)

module account 'storageAccount.bicep' = {
  name: 'source-account'
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

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}-flow-log'
  location: location
  tags: tags
}

module roles 'roles.bicep' = {
  name: 'roles-flow-log'
  params: {
    flowLogPrincipalId: identity.properties.principalId
    sourceAccountName: account.outputs.name
  }
}

module log 'flowLog.bicep' = if (!empty(wanted.targetId)) {
  name: 'flow-log-${prefix}'
  scope: resourceGroup(wanted.networkWatcherGroup)
  params: {
    networkWatcherName: wanted.networkWatcherName
    name: '${prefix}-${last(split(wanted.targetId, '/'))}'
    location: location
    tags: tags
    targetId: wanted.targetId
    accountId: account.outputs.id
    identityId: identity.id
    retentionDays: retentionDays
  }
  dependsOn: [roles]
}

output identityId string = identity.id
