// Application Insights on a workspace, fed with the app's identity only, and what is made of its logs.

@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Existing workspace. Empty: one is made.')
param existingWorkspaceId string
@description('Days that a workspace that is made keeps its logs: 30 to 730.')
param retentionDays int
@description('Existing action groups that alerts call.')
param actionGroupIds array
@description('Addresses that alerts are mailed to; an action group is made for them.')
param alertEmails array
@description('Thresholds of the alerts on logs; see alerts.bicep.')
param thresholds object

var makesWorkspace = empty(existingWorkspaceId)

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = if (makesWorkspace) {
  name: '${prefix}-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${prefix}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: makesWorkspace ? workspace.id : existingWorkspaceId
  }
}

resource mails 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmails)) {
  name: '${prefix}-mails'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: prefix
    emailReceivers: [for address in alertEmails: { name: address, emailAddress: address, useCommonAlertSchema: true }]
  }
}

var callees = concat(actionGroupIds, empty(alertEmails) ? [] : [mails.id])

module alerts 'alerts.bicep' = {
  name: 'alerts'
  params: {
    prefix: prefix
    location: location
    tags: tags
    insightsId: insights.id
    actionGroupIds: callees
    lagSeconds: thresholds.lagSeconds
    quarantined: thresholds.quarantined
    poisoned: thresholds.poisoned
    throttled: thresholds.throttled
    failures: thresholds.failures
    unfinishedSweeps: thresholds.unfinishedSweeps
    silentMinutes: thresholds.silentMinutes
    silentSources: thresholds.silentSources
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, prefix, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: 'Flow logs to Event Hubs'
    serializedData: replace(loadTextContent('../workbook.json'), 'INSIGHTS_ID', insights.id)
    sourceId: insights.id
    version: 'Notebook/1.0'
  }
}

output insightsName string = insights.name
output connectionString string = insights.properties.ConnectionString
output workspaceId string = makesWorkspace ? workspace.id : existingWorkspaceId
output actionGroupIds array = callees
