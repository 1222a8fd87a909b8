// The app: its identity, that one's roles in this resource group, its settings, and the Functions app itself.

@description('Start of the names.')
param prefix string
@description('Names of the resources; see main.bicep.')
param names object
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Source accounts: connection, accountId.')
param sources array
@description('Containers to watch in each.')
param containers array
@description('How the app hears of appends: EventGrid, StorageQueue or Sweep.')
param triggerSource string
@description('Name of the hub.')
param hubName string
@description('FLOWLOG_ settings in place of the app\'s defaults: name to value.')
param forwarding object
@description('Endpoints: hostBlob, hostQueue, hostTable, stateBlob.')
param endpoints object
@description('Name of Application Insights.')
param insightsName string
@description('Connection string of Application Insights.')
param insightsConnectionString string
@description('Memory of an instance in MB: 512, 2048 or 4096.')
param instanceMemoryMB int
@description('Instances at most.')
param maximumInstances int
@description('Python processes in an instance.')
param workerProcesses int
@description('Whether the app is in a virtual network and closed to public callers.')
param isPrivate bool
@description('Subnet of the app. Empty: none.')
param appSubnetId string
@description('Subnet of the app\'s private endpoint.')
param endpointSubnetId string
@description('Private DNS zone of the app\'s private endpoint; empty: no record.')
param sitesZoneId string
@description('IPv4 ranges that code may be deployed from where the app is private.')
param deploymentIpRanges array
@description('Whether only Event Grid may call a public app.')
param restrictInbound bool

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: names.identity
  location: location
  tags: tags
}

module roles 'roles.bicep' = {
  name: 'roles-app'
  params: {
    appPrincipalId: identity.properties.principalId
    hostAccountName: names.hostAccount
    stateAccountName: names.stateAccount
    eventHubNamespaceName: names.eventHubNamespace
    eventHubName: hubName
    insightsName: insightsName
  }
}

var sourceEndpoints = [for source in sources: {
  connection: source.connection
  blobEndpoint: 'https://${last(split(source.accountId, '/'))}.blob.${environment().suffixes.storage}/'
}]

module settings 'appSettings.bicep' = {
  name: 'app-settings'
  params: {
    clientId: identity.properties.clientId
    sources: sourceEndpoints
    containers: containers
    triggerSource: triggerSource
    eventHubHost: '${names.eventHubNamespace}.servicebus.windows.net'
    hubName: hubName
    endpoints: endpoints
    insightsConnectionString: insightsConnectionString
    workerProcesses: workerProcesses
    forwarding: forwarding
  }
}

module app 'functionApp.bicep' = {
  name: 'function-app'
  params: {
    name: names.app
    planName: '${prefix}-plan'
    location: location
    tags: tags
    identityId: identity.id
    settings: settings.outputs.settings
    packageUrl: '${endpoints.hostBlob}app-package'
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    usesWebHook: triggerSource == 'EventGrid'
    isPrivate: isPrivate
    subnetId: appSubnetId
    deploymentIpRanges: deploymentIpRanges
    restrictInbound: restrictInbound
  }
  // The host reads its account, and the app its state, as soon as they start.
  dependsOn: [roles]
}

module endpoint 'privateEndpoint.bicep' = if (isPrivate) {
  name: 'endpoint-app'
  params: {
    name: '${prefix}-app'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    targetId: app.outputs.id
    groupId: 'sites'
    zoneId: sitesZoneId
  }
}

output name string = app.outputs.name
output principalId string = identity.properties.principalId
