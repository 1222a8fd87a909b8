// The Event Grid system topic of one source account, in the account's resource group. There can be only one for an
// account: where there is one already it is used, and left as it is.

import { tagsType, thresholdsType } from '../types.bicep'

@description('Name of the source account.')
param accountName string
@description('Region of the source account.')
param location string
@description('Tags of what is made.')
param tags tagsType
@description('Name of the topic. An existing one needs a system-assigned identity.')
param topicName string
@description('Whether the topic is made.')
param makesTopic bool
@description('Start of the names of alerts and of event subscriptions.')
param prefix string
@description('Containers that there is an event subscription for.')
param containers string[]
@description('Action groups to call.')
param actionGroupIds string[]
@description('Thresholds of alerts in place of the defaults.')
param thresholds thresholdsType

resource made 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (makesTopic) {
  name: topicName
  location: location
  tags: tags
  // Event Grid reaches a storage account behind a firewall with this kind of identity only.
  identity: { type: 'SystemAssigned' }
  properties: {
    source: resourceId('Microsoft.Storage/storageAccounts', accountName)
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource found 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!makesTopic) {
  name: topicName
}

// A topic of others may have subscriptions of others, which are not ours to watch. Azure shows names in capitals in some
// metrics, so both spellings are asked for. Of our own topic every subscription counts, however it is spelled.
var subscriptionNames = map(containers, container => take('${prefix}-${container}', 64))
var ofOurSubscriptions = {
  name: 'EventSubscriptionName'
  operator: 'Include'
  values: concat(subscriptionNames, map(subscriptionNames, name => toUpper(name)))
}
var alerts = [
  {
    name: 'dead letters'
    metric: 'DeadLetteredCount'
    threshold: thresholds.?deadLetters ?? 0
    severity: 2
    text: 'Event Grid gave events up; the sweep forwards what they announced.'
  }
  {
    name: 'delivery failures'
    metric: 'DeliveryAttemptFailCount'
    threshold: thresholds.?deliveryFailures ?? 50
    severity: 2
    text: 'Event Grid fails to deliver, and tries again unless it is refused (401).'
  }
]

// Metrics, not logs: diagnostic settings of a topic that others made are theirs to set.
resource alert 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for each in alerts: {
    name: '${prefix}-${replace(each.name, ' ', '-')}-${accountName}'
    location: 'global'
    tags: tags
    properties: {
      description: '${each.text} Runbook: docs/operations.md, "${each.name}".'
      severity: each.severity
      enabled: true
      scopes: [resourceId('Microsoft.EventGrid/systemTopics', topicName)]
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
            dimensions: makesTopic ? [] : [ofOurSubscriptions]
            operator: 'GreaterThan'
            threshold: each.threshold
            timeAggregation: 'Total'
          }
        ]
      }
      actions: [for id in actionGroupIds: { actionGroupId: id }]
    }
    dependsOn: [made]
  }
]

output principalId string = makesTopic ? made!.identity.principalId : found!.identity.principalId
