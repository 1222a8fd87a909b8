// Application Insights on a workspace, fed with the app's identity only, and what is made of its logs.

import { tagsType, thresholdsType } from '../types.bicep'

@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Name of Application Insights.')
param insightsName string
@description('Name of a workspace that is made.')
param workspaceName string
@description('Existing workspace. Empty: one is made.')
param existingWorkspaceId string
@description('Name of the action group that is made for addresses.')
param mailGroupName string
@description('Addresses that alerts are mailed to.')
param alertEmails string[]
@description('Action groups that alerts call, the one for addresses among them.')
param actionGroupIds string[]
@description('Thresholds of alerts in place of the defaults.')
param thresholds thresholdsType

var makesWorkspace = empty(existingWorkspaceId)

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = if (makesWorkspace) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
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
  name: mailGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: prefix
    emailReceivers: [for address in alertEmails: { name: address, emailAddress: address, useCommonAlertSchema: true }]
  }
}

module alerts 'alerts.bicep' = {
  params: {
    prefix: prefix
    location: location
    tags: tags
    insightsId: insights.id
    actionGroupIds: actionGroupIds
    thresholds: thresholds
  }
  dependsOn: [mails]
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

output connectionString string = insights.properties.ConnectionString
