// The role of a flow log's identity on the account that it is written to.

import { builtInRoles } from 'builtInRoles.bicep'

@description('Object id of the identity that the flow log is written with.')
param flowLogPrincipalId string
@description('Account that Network Watcher writes to.')
param sourceAccountName string

var roles = mapValues(builtInRoles, id => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id))

resource source 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: sourceAccountName
}

@description('Network Watcher: makes its containers and appends to its blobs.')
resource writeFlowLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: source
  name: guid(source.id, flowLogPrincipalId, roles.blobContributor)
  properties: {
    principalId: flowLogPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobContributor
  }
}
