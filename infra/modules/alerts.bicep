// Alerts on what the app logs. Each has a threshold and an entry of the same name in docs/operations.md.

@description('Start of the names.')
param prefix string
@description('Region of Application Insights.')
param location string
@description('Tags.')
param tags object
@description('Application Insights that the app logs to.')
param insightsId string
@description('Action groups to call.')
param actionGroupIds array
@description('Lag: seconds that forwarded flows may be old, or that an unforwarded blob may wait.')
param lagSeconds int
@description('Quarantine: records and tuples within 15 minutes that may not be decodable.')
param quarantined int
@description('Poison: messages within 15 minutes that may have failed for good.')
param poisoned int
@description('Throttling: waits for a busy hub within 15 minutes.')
param throttled int
@description('Failures: executions and runs within 15 minutes that may fail.')
param failures int
@description('Sweep: sweeps within an hour, of twelve, that may leave something to the next one.')
param unfinishedSweeps int
@description('Silence: minutes without a sweep, which runs every five.')
@allowed([10, 15, 30, 45])
param silentMinutes int

@description('Silent sources: source containers that may have got nothing for longer than FLOWLOG_SILENT_MINUTES.')
param silentSources int

var alerts = [
  {
    name: 'lag'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/lag.kql')
    threshold: lagSeconds
    text: 'Flows reach the hub too late.'
  }
  {
    name: 'quarantine'
    severity: 3
    window: 'PT15M'
    query: loadTextContent('../queries/quarantine.kql')
    threshold: quarantined
    text: 'Records could not be decoded and are in quarantine.'
  }
  {
    name: 'poison'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/poison.kql')
    threshold: poisoned
    text: 'Messages failed for good; the sweep forwards what they announced.'
  }
  {
    name: 'throttling'
    severity: 3
    window: 'PT15M'
    query: loadTextContent('../queries/throttling.kql')
    threshold: throttled
    text: 'The hub is busy and slows the forwarding down.'
  }
  {
    name: 'failures'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/failures.kql')
    threshold: failures
    text: 'Executions or runs failed.'
  }
  {
    name: 'sweep'
    severity: 2
    window: 'PT1H'
    query: loadTextContent('../queries/sweep.kql')
    threshold: unfinishedSweeps
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
    threshold: silentSources
    text: 'A source container has got no flow logs for longer than FLOWLOG_SILENT_MINUTES.'
  }
]

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in alerts: {
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
}]
