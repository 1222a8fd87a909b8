// The Event Grid system topic of one source account, in the account's resource group. There can be only one for an
// account: where there is one already it is used, and left as it is.

@description('Name of the source account.')
param accountName string
@description('Region of the source account.')
param location string
@description('Tags of a topic that is made.')
param tags object
@description('Name of the account\'s existing topic; it needs a system-assigned identity. Empty: one is made.')
param existingTopicName string
@description('Start of the names of alerts and of event subscriptions.')
param prefix string
@description('Containers that there is an event subscription for.')
param containers array
@description('Action groups to call.')
param actionGroupIds array
@description('Dead letters: events within 15 minutes that may have been given up.')
param deadLetters int
@description('Delivery failures: attempts within 15 minutes that may have failed.')
param deliveryFailures int

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: accountName
}

resource made 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (empty(existingTopicName)) {
  name: 'flowlog-${accountName}'
  location: location
  tags: tags
  // Event Grid reaches a storage account behind a firewall with this kind of identity only.
  identity: { type: 'SystemAssigned' }
  properties: {
    source: account.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource found 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: empty(existingTopicName) ? 'none' : existingTopicName
}

var topicId = empty(existingTopicName) ? made.id : found.id

var subscriptionNames = [for container in containers: take('${prefix}-${container}', 64)]
var alerts = [
  {
    name: 'dead letters'
    metric: 'DeadLetteredCount'
    threshold: deadLetters
    severity: 2
    text: 'Event Grid gave events up; the sweep forwards what they announced.'
  }
  {
    name: 'delivery failures'
    metric: 'DeliveryAttemptFailCount'
    threshold: deliveryFailures
    severity: 2
    text: 'Event Grid fails to deliver, and tries again unless it is refused (401).'
  }
]

// Metrics, not logs: diagnostic settings of a topic that others made are theirs to set.
resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = [for each in alerts: {
  name: '${prefix}-${replace(each.name, ' ', '-')}-${accountName}'
  location: 'global'
  tags: tags
  properties: {
    description: '${each.text} Runbook: docs/operations.md, "${each.name}".'
    severity: each.severity
    enabled: true
    scopes: [topicId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: each.name
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: each.metric
          dimensions: [{ name: 'EventSubscriptionName', operator: 'Include', values: subscriptionNames }]
          operator: 'GreaterThan'
          threshold: each.threshold
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [for id in actionGroupIds: { actionGroupId: id }]
  }
}]

output name string = empty(existingTopicName) ? made.name : found.name
output principalId string = empty(existingTopicName) ? made!.identity.principalId : found.identity.principalId
