// Where flow logs come from: for each source account its topic, that one's roles, its private endpoint and, where
// events go to the queue or a hub, its event subscriptions. Web hook subscriptions are phase 2: eventSubscriptions.bicep.

import { privateLinkType, tagsType, thresholdsType, triggerSourceType, watchedSourceType } from '../types.bicep'

@description('Start of the names.')
param prefix string
@description('Region of this deployment.')
param location string
@description('Tags.')
param tags tagsType
@description('Source accounts.')
param sources watchedSourceType[]
@description('Containers to subscribe to in each.')
param containers string[]
@description('How the app learns of appends.')
param triggerSource triggerSourceType
@description('The host account, which has the queue.')
param hostAccountName string
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Hub of announcements in that namespace. Left out: there is none.')
param announcementHubName string?
@description('The state account, which takes dead letters.')
param stateAccountName string
@description('Where private endpoints to the source accounts go. Left out: none are made.')
param privateLink privateLinkType?
@description('Action groups that alerts call.')
param actionGroupIds string[]
@description('Thresholds of alerts in place of the defaults.')
param thresholds thresholdsType

var usesEvents = triggerSource != 'Sweep'

module topics 'topic.bicep' = [
  for source in sources: if (usesEvents) {
    scope: resourceGroup(source.subscriptionId, source.resourceGroup)
    params: {
      accountName: source.accountName
      location: source.location
      tags: tags
      topicName: source.topicName
      makesTopic: source.makesTopic
      prefix: prefix
      containers: containers
      actionGroupIds: actionGroupIds
      thresholds: thresholds
    }
  }
]

module topicRoles 'topicRoles.bicep' = [
  for (source, i) in sources: if (usesEvents) {
    params: {
      // The name of a role assignment keeps the principal's id: see appRoles.bicep.
      #disable-next-line what-if-short-circuiting
      topicPrincipalId: topics[i]!.outputs.principalId
      triggerSource: triggerSource
      hostAccountName: hostAccountName
      eventHubNamespaceName: eventHubNamespaceName
      announcementHubName: announcementHubName
      stateAccountName: stateAccountName
    }
  }
]

module subscriptions 'queueSubscription.bicep' = [
  for source in sources: if (triggerSource == 'StorageQueue') {
    scope: resourceGroup(source.subscriptionId, source.resourceGroup)
    params: {
      topicName: source.topicName
      prefix: prefix
      containers: containers
      queueAccountId: resourceId('Microsoft.Storage/storageAccounts', hostAccountName)
      queueName: 'flowlog-events'
      deadLetterAccountId: resourceId('Microsoft.Storage/storageAccounts', stateAccountName)
    }
    // Roles first: what Event Grid delivers before them is refused.
    dependsOn: [topicRoles]
  }
]

module hubSubscriptions 'hubSubscription.bicep' = [
  for source in sources: if (announcementHubName != null) {
    scope: resourceGroup(source.subscriptionId, source.resourceGroup)
    params: {
      topicName: source.topicName
      prefix: prefix
      containers: containers
      announcementHubId: resourceId(
        'Microsoft.EventHub/namespaces/eventhubs',
        eventHubNamespaceName,
        announcementHubName ?? 'none'
      )
      deadLetterAccountId: resourceId('Microsoft.Storage/storageAccounts', stateAccountName)
    }
    dependsOn: [topicRoles]
  }
]

module endpoints 'privateEndpoint.bicep' = [
  for source in sources: if (privateLink != null) {
    params: {
      name: '${prefix}-source-${source.accountName}'
      location: location
      tags: tags
      subnetId: privateLink.?subnetId ?? ''
      targetId: source.accountId
      groupId: 'blob'
      zoneId: privateLink.?zoneIds.?blob ?? ''
      ownerApproves: source.ownerApprovesEndpoint
    }
  }
]
