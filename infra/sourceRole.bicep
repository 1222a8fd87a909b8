// The one role that the app needs on a source account. An owner who does not want others to assign roles there deploys
// this file alone, to the account's resource group: see docs/deploy.md, "The owner of a source assigns the role".

import { builtInRoles } from 'modules/builtInRoles.bicep'

@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('Account that Network Watcher writes to.')
param sourceAccountName string
@description('Containers of that account that the app may read; no other.')
param sourceContainers string[] = ['insights-logs-networksecuritygroupflowevent', 'insights-logs-flowlogflowevent']

resource source 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: sourceAccountName
}

// A condition keeps the role to the containers named: they may not exist yet, so none can be the scope.
var blobRead = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
var containerName = '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]'
var namesContainer = map(sourceContainers, name => '${containerName} StringEquals \'${name}\'')
var inContainers = '((!(ActionMatches{\'${blobRead}\'})) OR (${join(namesContainer, ' OR ')}))'
var roles = mapValues(builtInRoles, id => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id))

@description('App: range reads and properties of flow logs, and their listing by the sweep. Host: looks at a blob before it calls.')
resource readSource 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: source
  name: guid(source.id, appPrincipalId, roles.blobReader)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobReader
    condition: inContainers
    conditionVersion: '2.0'
  }
}
