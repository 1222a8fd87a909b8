// What forwards: the app, the sources that it forwards from, and a new source account where one is wanted.

@description('Start of the names.')
param prefix string
@description('Names of the resources; see main.bicep.')
param names object
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Redundancy of a new source account.')
param storageSku string
@description('What platform.bicep gives out.')
param platform object
@description('Source accounts, a new one included; see main.bicep.')
param sources array
@description('Whether a new source account is made.')
param newSourceAccount bool
@description('A flow log into the new account; see main.bicep.')
param flowLog object
@description('Containers to watch in each source account.')
param containers array
@description('How the app hears of appends: EventGrid, StorageQueue or Sweep.')
param triggerSource string
@description('Days that sources keep a flow log. 0: for ever.')
param sourceRetentionDays int
@description('Name of the hub.')
param hubName string
@description('FLOWLOG_ settings in place of the app\'s defaults: name to value.')
param forwarding object
@description('Memory of an instance in MB.')
param instanceMemoryMB int
@description('Instances at most.')
param maximumInstances int
@description('Python processes in an instance.')
param workerProcesses int
@description('Whether the app is in a virtual network and closed to public callers.')
param isPrivate bool
@description('IPv4 ranges that code may be deployed from where the app is private.')
param deploymentIpRanges array
@description('Whether only Event Grid may call a public app.')
param restrictInbound bool
@description('Thresholds of the alerts; see main.bicep.')
param thresholds object
@description('Whether a lock keeps a new source account from being deleted.')
param lock bool

module newSource 'newSource.bicep' = if (newSourceAccount) {
  name: '${prefix}-new-source'
  params: {
    accountName: names.sourceAccount
    prefix: prefix
    location: location
    tags: tags
    storageSku: storageSku
    isPrivate: isPrivate
    lock: lock
    workspaceId: platform.workspaceId
    flowLog: flowLog
    retentionDays: sourceRetentionDays
  }
}

module app 'app.bicep' = {
  name: '${prefix}-app'
  params: {
    prefix: prefix
    names: names
    location: location
    tags: tags
    sources: sources
    containers: containers
    triggerSource: triggerSource
    hubName: hubName
    forwarding: forwarding
    endpoints: platform.endpoints
    insightsName: platform.insightsName
    insightsConnectionString: platform.connectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    workerProcesses: workerProcesses
    isPrivate: isPrivate
    appSubnetId: platform.appSubnetId
    endpointSubnetId: platform.endpointSubnetId
    sitesZoneId: platform.zoneIds.sites
    deploymentIpRanges: deploymentIpRanges
    restrictInbound: restrictInbound
  }
}

module watched 'sources.bicep' = {
  name: '${prefix}-sources'
  params: {
    prefix: prefix
    location: location
    tags: tags
    sources: sources
    containers: containers
    triggerSource: triggerSource
    appPrincipalId: app.outputs.principalId
    hostAccountId: platform.hostAccountId
    stateAccountId: platform.stateAccountId
    isPrivate: isPrivate
    endpointSubnetId: platform.endpointSubnetId
    blobZoneId: platform.zoneIds.blob
    actionGroupIds: platform.actionGroupIds
    thresholds: thresholds
  }
  dependsOn: [newSource]
}

output appName string = app.outputs.name
output appPrincipalId string = app.outputs.principalId
output flowLogIdentityId string = newSource.?outputs.identityId ?? ''
output afterDeploy object = {
  appName: app.outputs.name
  prefix: prefix
  triggerSource: triggerSource
  sources: watched.outputs.topics
  containers: containers
  deadLetterAccountId: platform.stateAccountId
}
