// The hub's side of event-hub.bicep, in the resource group of the hub: a consumer group, the role that the data collection
// rule reads with, and the association that starts it.

@description('The Event Hubs namespace.')
param namespaceName string
@description('The hub.')
param hubName string
@description('Consumer group for Azure Monitor alone.')
param consumerGroup string
@description('Resource id of the data collection rule.')
param ruleId string
@description('Object id of the rule\'s identity.')
param rulePrincipalId string

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = {
  parent: namespace
  name: hubName
}

resource group 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = {
  parent: hub
  name: consumerGroup
}

// Azure Event Hubs Data Receiver
var receiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')

resource readHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hub
  name: guid(hub.id, ruleId, receiver)
  properties: {
    principalId: rulePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: receiver
  }
}

resource association 'Microsoft.Insights/dataCollectionRuleAssociations@2024-03-11' = {
  scope: hub
  name: 'flow-logs'
  properties: {
    description: 'Without it, Azure Monitor reads nothing more from this hub.'
    dataCollectionRuleId: ruleId
  }
  dependsOn: [group, readHub]
}
