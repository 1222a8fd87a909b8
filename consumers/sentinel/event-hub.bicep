// From the hub into a Log Analytics workspace, with the preview of Event Hubs in Azure Monitor: data collection endpoint,
// rule and association. Deploy it into the resource group of the workspace, in the region of the workspace, after
// workspace.bicep: see docs/consumers/sentinel.md.

@description('The region of the workspace.')
param location string = resourceGroup().location
@description('The workspace.')
param workspaceName string
@description('The schema of the events on the hub: flow into FlowLogs_CL, asim into ASimNetworkSessionLogs.')
@allowed(['flow', 'asim'])
param schema string = 'asim'
@description('Resource group of the Event Hubs namespace.')
param hubResourceGroup string
@description('The Event Hubs namespace.')
param namespaceName string
@description('The hub. Each event is one flow, not compressed.')
param hubName string = 'flowlogs'
@description('Consumer group for Azure Monitor alone.')
param consumerGroup string = 'azure-monitor'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' = {
  name: 'flow-logs'
  location: location
  properties: {}
}

var stream = 'Custom-FlowLogEvents'
var target = schema == 'asim'
  ? { table: 'Microsoft-ASimNetworkSessionLogs', transformation: loadTextContent('transform-asim.kql') }
  : { table: 'Custom-FlowLogs_CL', transformation: loadTextContent('transform-flow.kql') }

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: 'flow-logs-${schema}'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    dataCollectionEndpointId: endpoint.id
    streamDeclarations: {
      // The three columns that events of a hub come with.
      '${stream}': {
        columns: [
          { name: 'TimeGenerated', type: 'datetime' }
          { name: 'RawData', type: 'string' }
          { name: 'Properties', type: 'dynamic' }
        ]
      }
    }
    dataSources: {
      dataImports: {
        eventHub: {
          name: 'flowLogs'
          consumerGroup: consumerGroup
          stream: stream
        }
      }
    }
    destinations: {
      logAnalytics: [{ name: 'workspace', workspaceResourceId: workspace.id }]
    }
    dataFlows: [
      {
        streams: [stream]
        destinations: ['workspace']
        transformKql: target.transformation
        outputStream: target.table
      }
    ]
  }
}

module association 'association.bicep' = {
  scope: resourceGroup(hubResourceGroup)
  params: {
    namespaceName: namespaceName
    hubName: hubName
    consumerGroup: consumerGroup
    ruleId: rule.id
    rulePrincipalId: rule.identity.principalId
  }
}

@description('Where the Logs Ingestion API takes events for the same rule.')
output ingestionEndpoint string = endpoint.properties.logsIngestion.endpoint
@description('The rule\'s id for the Logs Ingestion API.')
output ruleImmutableId string = rule.properties.immutableId
