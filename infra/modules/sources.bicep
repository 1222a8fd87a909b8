// Where flow logs come from: for each source account its topic, its roles, its private endpoint and, where events go
// to the queue, its event subscriptions. Web hook subscriptions are phase 2: eventSubscriptions.bicep.

@description('Start of the names.')
param prefix string
@description('Region of this deployment.')
param location string
@description('Tags.')
param tags object
@description('Source accounts: connection, accountId, location, topicName, ownerAssignsRoles.')
param sources array
@description('Containers to subscribe to in each.')
param containers array
@description('How the app hears of appends: EventGrid, StorageQueue or Sweep.')
param triggerSource string
@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('Id of the host account, which has the queue.')
param hostAccountId string
@description('Id of the state account, which takes dead letters.')
param stateAccountId string
@description('Whether private endpoints to the source accounts are made.')
param isPrivate bool
@description('Subnet of the private endpoints.')
param endpointSubnetId string
@description('Private DNS zone for blob endpoints; empty: no records.')
param blobZoneId string
@description('Action groups that alerts call.')
param actionGroupIds array
@description('Thresholds of the alerts on topics: deadLetters, deliveryFailures.')
param thresholds object

// An id is /subscriptions/{2}/resourceGroups/{4}/providers/Microsoft.Storage/storageAccounts/{8}.
var places = [for source in sources: {
  connection: source.connection
  subscriptionId: split(source.accountId, '/')[2]
  resourceGroup: split(source.accountId, '/')[4]
  accountName: split(source.accountId, '/')[8]
}]
var hearsOfEvents = triggerSource != 'Sweep'
var usesQueue = triggerSource == 'StorageQueue'

module topics 'topic.bicep' = [for (source, i) in sources: if (hearsOfEvents) {
  name: 'topic-${prefix}-${places[i].accountName}'
  scope: resourceGroup(places[i].subscriptionId, places[i].resourceGroup)
  params: {
    accountName: places[i].accountName
    location: empty(source.location) ? location : source.location
    tags: tags
    existingTopicName: source.topicName
    prefix: prefix
    containers: containers
    actionGroupIds: actionGroupIds
    deadLetters: thresholds.deadLetters
    deliveryFailures: thresholds.deliveryFailures
  }
}]

module sourceRoles 'roles.bicep' = [for (source, i) in sources: if (!source.ownerAssignsRoles) {
  name: 'roles-${prefix}-${places[i].accountName}'
  scope: resourceGroup(places[i].subscriptionId, places[i].resourceGroup)
  params: {
    appPrincipalId: appPrincipalId
    sourceAccountName: places[i].accountName
    sourceContainers: containers
  }
}]

module topicRoles 'roles.bicep' = [for (source, i) in sources: if (hearsOfEvents) {
  name: 'roles-topic-${places[i].accountName}'
  params: {
    topicPrincipalId: topics[i].?outputs.principalId ?? ''
    hostAccountName: last(split(hostAccountId, '/'))
    eventQueueName: usesQueue ? 'flowlog-events' : ''
    stateAccountName: last(split(stateAccountId, '/'))
  }
}]

module subscriptions 'queueSubscription.bicep' = [for (source, i) in sources: if (usesQueue) {
  name: 'events-${prefix}-${places[i].accountName}'
  scope: resourceGroup(places[i].subscriptionId, places[i].resourceGroup)
  params: {
    topicName: topics[i].?outputs.name ?? ''
    prefix: prefix
    containers: containers
    queueAccountId: hostAccountId
    queueName: 'flowlog-events'
    deadLetterAccountId: stateAccountId
  }
  // Roles first: what Event Grid delivers before them is refused.
  dependsOn: [topicRoles]
}]

module endpoints 'privateEndpoint.bicep' = [for (source, i) in sources: if (isPrivate) {
  name: 'endpoint-source-${places[i].accountName}'
  params: {
    name: '${prefix}-source-${places[i].accountName}'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    targetId: source.accountId
    groupId: 'blob'
    zoneId: blobZoneId
  }
}]

// What phase 2 asks for.
output topics array = [for (source, i) in sources: {
  connection: source.connection
  topicName: hearsOfEvents ? topics[i].?outputs.name ?? '' : ''
  subscriptionId: places[i].subscriptionId
  resourceGroup: places[i].resourceGroup
}]
