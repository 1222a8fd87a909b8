// Roles of the app's identity, each for the calls that need it, at the narrowest scope there is.
// Names of assignments are made of the principal's id, as Microsoft advises: otherwise a deployment fails after the
// identity was deleted and made again.

import { builtInRoles } from 'builtInRoles.bicep'
import { watchedSourceType } from '../types.bicep'

@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('Account of the Functions host.')
param hostAccountName string
@description('Account with checkpoints and quarantine.')
param stateAccountName string
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Hub in that namespace.')
param eventHubName string
@description('Hub of announcements in that namespace. Left out: there is none.')
param announcementHubName string?
@description('Application Insights that the app logs to.')
param insightsName string
@description('Source accounts.')
param sources watchedSourceType[]
@description('Containers that the app may read in each.')
param containers string[]

var roles = mapValues(builtInRoles, id => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id))

resource host 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: hostAccountName
}

resource state 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: stateAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource checkpoints 'containers' existing = { name: 'flowlog-checkpoints' }
    resource quarantine 'containers' existing = { name: 'flowlog-quarantine' }
  }
}

resource eventHubs 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: eventHubNamespaceName

  resource hub 'eventhubs' existing = { name: eventHubName }
  resource announcements 'eventhubs' existing = { name: announcementHubName ?? eventHubName }
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

@description('Host: its keys, locks of timers (leases), and the package of the code; it asks for Owner.')
resource ownHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, appPrincipalId, roles.blobOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobOwner
  }
}

@description('Host: makes, reads and empties the queues of its triggers, poison queues among them.')
resource useHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, appPrincipalId, roles.queueContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.queueContributor
  }
}

@description('Host: makes and fills the table of its diagnostic events.')
resource writeHostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, appPrincipalId, roles.tableContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.tableContributor
  }
}

@description('App: makes checkpoints, leases them and sets their metadata; lists them for the sweep.')
resource keepCheckpoints 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: state::blobs::checkpoints
  name: guid(state::blobs::checkpoints.id, appPrincipalId, roles.blobContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobContributor
  }
}

@description('App: puts what can\'t be decoded into quarantine.')
resource fillQuarantine 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: state::blobs::quarantine
  name: guid(state::blobs::quarantine.id, appPrincipalId, roles.blobContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobContributor
  }
}

@description('App: opens links to the hub and sends.')
resource sendEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: eventHubs::hub
  name: guid(eventHubs::hub.id, appPrincipalId, roles.hubSender)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.hubSender
  }
}

@description('Host: reads announcements; where it is, it keeps in its own account.')
resource receiveAnnouncements 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (announcementHubName != null) {
  scope: eventHubs::announcements
  name: guid(eventHubs::announcements.id, appPrincipalId, roles.hubReceiver)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.hubReceiver
  }
}

@description('Host: telemetry; Application Insights takes no key.')
resource publishTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, appPrincipalId, roles.metricsPublisher)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.metricsPublisher
  }
}

module sourceRoles '../sourceRole.bicep' = [
  for source in sources: if (!source.ownerAssignsRoles) {
    scope: resourceGroup(source.subscriptionId, source.resourceGroup)
    params: {
      appPrincipalId: appPrincipalId
      sourceAccountName: source.accountName
      sourceContainers: containers
    }
  }
]
