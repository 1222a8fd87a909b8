// Every role that anything here has, each for the calls that need it, at the narrowest scope there is.
//
// An assignment is made where both its identity and its resource are named. The owner of a source account who does not
// want others to assign roles there deploys this file alone, to the account's resource group, with appPrincipalId,
// sourceAccountName and sourceContainers: see docs/deploy.md.

@description('Object id of the app\'s identity.')
param appPrincipalId string = ''
@description('Object id of an Event Grid topic\'s identity.')
param topicPrincipalId string = ''
@description('Object id of the identity that a flow log writes with.')
param flowLogPrincipalId string = ''
@description('Account that Network Watcher writes to.')
param sourceAccountName string = ''
@description('Containers of that account that the app may read; no other.')
param sourceContainers array = ['insights-logs-networksecuritygroupflowevent', 'insights-logs-flowlogflowevent']
@description('Account of the Functions host.')
param hostAccountName string = ''
@description('Queue of the host account that topics deliver to. Empty: they call the web hook.')
param eventQueueName string = ''
@description('Account with checkpoints and quarantine.')
param stateAccountName string = ''
@description('Event Hubs namespace.')
param eventHubNamespaceName string = ''
@description('Hub in that namespace.')
param eventHubName string = ''
@description('Application Insights that the app logs to.')
param insightsName string = ''

// Names and ids: learn.microsoft.com, "Azure built-in roles".
var definitions = 'Microsoft.Authorization/roleDefinitions'
var blobOwner = subscriptionResourceId(definitions, 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b') // Storage Blob Data Owner
var blobContributor = subscriptionResourceId(definitions, 'ba92f5b4-2d11-453d-a403-e96b0029c9fe') // Storage Blob Data Contributor
var blobReader = subscriptionResourceId(definitions, '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1') // Storage Blob Data Reader
var queueContributor = subscriptionResourceId(definitions, '974c5e8b-45b9-4653-ba55-5f855dd0fb88') // Storage Queue Data Contributor
var queueSender = subscriptionResourceId(definitions, 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a') // Storage Queue Data Message Sender
var tableContributor = subscriptionResourceId(definitions, '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3') // Storage Table Data Contributor
var hubSender = subscriptionResourceId(definitions, '2b629674-e913-4c01-ae53-ef4638d8f975') // Azure Event Hubs Data Sender
var metricsPublisher = subscriptionResourceId(definitions, '3913510d-42f4-4e42-8a64-420c390055eb') // Monitoring Metrics Publisher

// A resource that is not named gets a name all the same: names are looked at even where nothing is assigned.
resource source 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: empty(sourceAccountName) ? 'none' : sourceAccountName }
resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: empty(hostAccountName) ? 'none' : hostAccountName }
resource hostQueues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = { parent: host, name: 'default' }
resource eventQueue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = { parent: hostQueues, name: empty(eventQueueName) ? 'none' : eventQueueName }
resource state 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: empty(stateAccountName) ? 'none' : stateAccountName }
resource stateBlobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = { parent: state, name: 'default' }
resource checkpoints 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = { parent: stateBlobs, name: 'flowlog-checkpoints' }
resource quarantine 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = { parent: stateBlobs, name: 'flowlog-quarantine' }
resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = { parent: stateBlobs, name: 'flowlog-dead-letters' }
resource eventHubs 'Microsoft.EventHub/namespaces@2024-01-01' existing = { name: empty(eventHubNamespaceName) ? 'none' : eventHubNamespaceName }
resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = { parent: eventHubs, name: empty(eventHubName) ? 'none' : eventHubName }
resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: empty(insightsName) ? 'none' : insightsName }

// A condition keeps the role to the containers named: they may not exist yet, so none can be the scope.
var blobRead = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
var containerName = '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]'
var namesContainer = [for name in sourceContainers: '${containerName} StringEquals \'${name}\'']
var inContainers = '((!(ActionMatches{\'${blobRead}\'})) OR (${join(namesContainer, ' OR ')}))'

// App: range reads and properties of flow logs, and their listing by the sweep. Host: looks at a blob before it calls.
resource readSource 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(sourceAccountName)) {
  scope: source
  name: guid(source.id, appPrincipalId, blobReader)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobReader, condition: inContainers, conditionVersion: '2.0' }
}

// Host: its keys, locks of timers (leases), and the package of the code; it asks for Owner.
resource ownHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(hostAccountName)) {
  scope: host
  name: guid(host.id, appPrincipalId, blobOwner)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobOwner }
}

// Host: makes, reads and empties the queues of its triggers, poison queues among them.
resource useHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(hostAccountName)) {
  scope: host
  name: guid(host.id, appPrincipalId, queueContributor)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: queueContributor }
}

// Host: makes and fills the table of its diagnostic events.
resource writeHostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(hostAccountName)) {
  scope: host
  name: guid(host.id, appPrincipalId, tableContributor)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: tableContributor }
}

// App: makes checkpoints, leases them and sets their metadata; lists them for the sweep.
resource keepCheckpoints 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(stateAccountName)) {
  scope: checkpoints
  name: guid(checkpoints.id, appPrincipalId, blobContributor)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobContributor }
}

// App: puts what cannot be decoded into quarantine.
resource fillQuarantine 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(stateAccountName)) {
  scope: quarantine
  name: guid(quarantine.id, appPrincipalId, blobContributor)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobContributor }
}

// App: opens links to the hub and sends.
resource sendEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(eventHubName)) {
  scope: hub
  name: guid(hub.id, appPrincipalId, hubSender)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: hubSender }
}

// Host: telemetry; Application Insights takes no key.
resource publishTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(appPrincipalId) && !empty(insightsName)) {
  scope: insights
  name: guid(insights.id, appPrincipalId, metricsPublisher)
  properties: { principalId: appPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: metricsPublisher }
}

// Topic: puts events into the queue.
resource deliverEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(topicPrincipalId) && !empty(eventQueueName)) {
  scope: eventQueue
  name: guid(eventQueue.id, topicPrincipalId, queueSender)
  properties: { principalId: topicPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: queueSender }
}

// Topic: writes what could not be delivered as blobs.
resource deadLetter 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(topicPrincipalId) && !empty(stateAccountName)) {
  scope: deadLetters
  name: guid(deadLetters.id, topicPrincipalId, blobContributor)
  properties: { principalId: topicPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobContributor }
}

// Network Watcher: makes its containers and appends to its blobs.
resource writeFlowLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(flowLogPrincipalId) && !empty(sourceAccountName)) {
  scope: source
  name: guid(source.id, flowLogPrincipalId, blobContributor)
  properties: { principalId: flowLogPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: blobContributor }
}
