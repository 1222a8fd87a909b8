// Alerts on what the app logs. Each has a threshold and an entry of the same name in docs/operations.md.

import { tagsType, thresholdsType } from '../types.bicep'

@description('Start of the names.')
param prefix string
@description('Region of Application Insights.')
param location string
@description('Tags.')
param tags tagsType
@description('Application Insights that the app logs to.')
param insightsId string
@description('Action groups to call.')
param actionGroupIds string[]
@description('Thresholds in place of the defaults below.')
param thresholds thresholdsType

var silentMinutes = thresholds.?silentMinutes ?? 15
var alerts = [
  {
    name: 'lag'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/lag.kql')
    threshold: thresholds.?lagSeconds ?? 900
    text: 'Flows reach the hub too late.'
  }
  {
    name: 'quarantine'
    severity: 3
    window: 'PT15M'
    query: loadTextContent('../queries/quarantine.kql')
    threshold: thresholds.?quarantined ?? 0
    text: 'Records could not be decoded and are in quarantine.'
  }
  {
    name: 'poison'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/poison.kql')
    threshold: thresholds.?poisoned ?? 0
    text: 'Messages failed for good; the sweep forwards what they announced.'
  }
  {
    name: 'throttling'
    severity: 3
    window: 'PT15M'
    query: loadTextContent('../queries/throttling.kql')
    threshold: thresholds.?throttled ?? 20
    text: 'The hub is busy and slows the forwarding down.'
  }
  {
    name: 'failures'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/failures.kql')
    threshold: thresholds.?failures ?? 5
    text: 'Executions or runs failed.'
  }
  {
    name: 'sweep'
    severity: 2
    window: 'PT1H'
    query: loadTextContent('../queries/sweep.kql')
    threshold: thresholds.?unfinishedSweeps ?? 6
    text: 'Sweeps leave blobs to the next one, again and again.'
  }
  {
    name: 'silence'
    severity: 1
    window: 'PT${silentMinutes}M'
    query: loadTextContent('../queries/silence.kql')
    threshold: 0
    text: 'No sweep has ended: the app does not run, or does not log.'
  }
  {
    name: 'silent sources'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/silentSources.kql')
    threshold: thresholds.?silentSources ?? 0
    text: 'A source container has got no flow logs for longer than FLOWLOG_SILENT_MINUTES.'
  }
]

resource rule 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in alerts: {
    name: '${prefix}-${replace(alert.name, ' ', '-')}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${prefix}: ${alert.name}'
      description: '${alert.text} Runbook: docs/operations.md, "${alert.name}".'
      severity: alert.severity
      enabled: true
      scopes: [insightsId]
      evaluationFrequency: 'PT5M'
      windowSize: alert.window
      autoMitigate: true
      // The tables are there from the first log line on; a query over nothing is refused without this.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            // Every query gives one row with the column "value"; a query over nothing gives 0.
            metricMeasureColumn: 'value'
            timeAggregation: 'Maximum'
            operator: 'GreaterThan'
            threshold: alert.threshold
            failingPeriods: { minFailingPeriodsToAlert: 1, numberOfEvaluationPeriods: 1 }
          }
        ]
      }
      actions: { actionGroups: actionGroupIds }
    }
  }
]
