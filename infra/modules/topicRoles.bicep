// Roles of the identity of one Event Grid topic: on the queue or hub that it delivers to, and where it leaves dead letters.

import { builtInRoles } from 'builtInRoles.bicep'
import { triggerSourceType } from '../types.bicep'

@description('Object id of the topic\'s identity.')
param topicPrincipalId string
@description('How the app learns of appends.')
param triggerSource triggerSourceType
@description('Account of the Functions host, which has the queue.')
param hostAccountName string
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Hub of announcements in that namespace. Left out: there is none.')
param announcementHubName string?
@description('Account that takes dead letters.')
param stateAccountName string

var roles = mapValues(builtInRoles, id => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id))

resource host 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: hostAccountName

  resource queues 'queueServices' existing = {
    name: 'default'

    resource events 'queues' existing = { name: 'flowlog-events' }
  }
}

resource eventHubs 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: eventHubNamespaceName

  resource announcements 'eventhubs' existing = { name: announcementHubName ?? 'none' }
}

resource state 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: stateAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource deadLetters 'containers' existing = { name: 'flowlog-dead-letters' }
  }
}

@description('Topic: puts events into the queue.')
resource deliverEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (triggerSource == 'StorageQueue') {
  scope: host::queues::events
  name: guid(host::queues::events.id, topicPrincipalId, roles.queueSender)
  properties: {
    principalId: topicPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.queueSender
  }
}

@description('Topic: puts events into the hub of announcements.')
resource announce 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (announcementHubName != null) {
  scope: eventHubs::announcements
  name: guid(eventHubs::announcements.id, topicPrincipalId, roles.hubSender)
  properties: {
    principalId: topicPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.hubSender
  }
}

@description('Topic: writes what could not be delivered as blobs.')
resource deadLetter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: state::blobs::deadLetters
  name: guid(state::blobs::deadLetters.id, topicPrincipalId, roles.blobContributor)
  properties: {
    principalId: topicPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roles.blobContributor
  }
}
