// Forwards Azure network flow logs to Event Hubs: everything for one region, into one resource group. Phase 1 of 2 with
// the web hook, else all. docs/deploy.md leads through it; main.bicepparam gives the parameters.

@description('Region. Flow logs are in the region of what they log, and so is what forwards them.')
param location string = resourceGroup().location
@description('Start of the names: lower-case letters and digits.')
@minLength(2)
@maxLength(6)
param prefix string = 'flow'
@description('Names in place of the generated ones: app, identity, hostAccount, stateAccount, sourceAccount, eventHubNamespace.')
param names object = {}
@description('Tags of everything that is made.')
param tags object = {}
@description('Whether locks keep state, hub and a new source account from being deleted.')
param lock bool = false
@description('small, or large for some hundred network interfaces and more: see docs/deploy.md, "Sizes and costs".')
@allowed(['small', 'large'])
param size string = 'small'
@description('Memory of an instance; a quarter of a core, one core or two cores come with it.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = size == 'large' ? 4096 : 2048
@description('Redundancy of the storage accounts that are made.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string = 'Standard_LRS'
@description('Whether the app is in a virtual network, and public endpoints of all that is made are closed.')
param isPrivate bool = false
@description('How the app hears of appends. Event Grid\'s web hook (EventGrid) cannot reach a private app.')
@allowed(['EventGrid', 'StorageQueue', 'Sweep'])
param triggerSource string = isPrivate ? 'StorageQueue' : 'EventGrid'
@description('Existing source accounts. Each: accountId; connection, a name for its settings; location, empty for this one; topicName, empty where it has no system topic yet; ownerAssignsRoles, where roles.bicep is deployed by its owner.')
param sources array = []
@description('Whether a new source account is made.')
param newSourceAccount bool = empty(sources)
@description('A flow log into the new account: targetId, a network, subnet or interface; networkWatcherName; networkWatcherGroup.')
param flowLog object = {}
@description('Containers to watch in each source account.')
param containers array = ['insights-logs-networksecuritygroupflowevent', 'insights-logs-flowlogflowevent']
@description('Days that sources keep a flow log; checkpoints are kept a week longer. 0: for ever.')
@minValue(0)
@maxValue(365)
param sourceRetentionDays int = 30
@description('Days that the quarantine keeps an item.')
param quarantineDays int = 30
@description('The hub: name, consumerGroups (one for each reader), retentionHours (1 to 168).')
param hub object = {}
@description('FLOWLOG_ settings that differ from the app\'s defaults, name to value; not those that the templates set.')
param forwarding object = {}
@description('Of a private app: appSubnetId and endpointSubnetId (existing), or appSubnetRange and endpointSubnetRange; zoneIds (existing private DNS zones: blob, queue, table, namespace, sites); zonesByPolicy; deploymentIpRanges.')
param network object = {}
@description('Whether only Event Grid may call a public app, and nobody where no web hook is used.')
param restrictInbound bool = true
@description('Existing Log Analytics workspace for logs and diagnostic settings. Empty: one is made.')
param workspaceId string = ''
@description('Existing action groups that alerts call.')
param actionGroupIds array = []
@description('Addresses that alerts are mailed to.')
param alertEmails array = []
@description('Thresholds of alerts in place of the defaults below; docs/operations.md has an entry for each.')
param alertThresholds object = {}

var suffix = uniqueString(resourceGroup().id)
var defaultNames = {
  app: '${prefix}-app-${suffix}'
  identity: '${prefix}-app'
  hostAccount: '${prefix}host${suffix}'
  stateAccount: '${prefix}state${suffix}'
  sourceAccount: '${prefix}logs${suffix}'
  eventHubNamespace: '${prefix}-hub-${suffix}'
}
var allNames = union(defaultNames, names)
var sizes = {
  small: { maximumInstances: 40, workerProcesses: 1, hub: { partitions: 4, throughputUnits: 1, maximumThroughputUnits: 1 } }
  large: { maximumInstances: 100, workerProcesses: 2, hub: { partitions: 32, throughputUnits: 2, maximumThroughputUnits: 20 } }
}
var chosenSize = sizes[size]
var hubDefaults = { name: 'flowlogs', consumerGroups: ['reader'], retentionHours: 72 }
var allHub = union(hubDefaults, hub)
var networkDefaults = { appSubnetId: '', appSubnetRange: '10.20.0.0/26', endpointSubnetId: '', endpointSubnetRange: '10.20.0.64/26', zoneIds: {}, zonesByPolicy: false, deploymentIpRanges: [] }
var allNetwork = union(networkDefaults, network)
var thresholdDefaults = { lagSeconds: 900, quarantined: 0, poisoned: 0, throttled: 20, failures: 5, unfinishedSweeps: 6, silentMinutes: 15, silentSources: 0, deadLetters: 0, deliveryFailures: 50 }
var thresholds = union(thresholdDefaults, alertThresholds)

var newSourceId = resourceId('Microsoft.Storage/storageAccounts', allNames.sourceAccount)
var newSource = { accountId: newSourceId, connection: 'FlowLogStorage', location: '', topicName: '', ownerAssignsRoles: false }
var allSources = newSourceAccount ? concat([newSource], sources) : sources
var accountNames = [for source in allSources: last(split(source.accountId, '/'))]

module platform 'modules/platform.bicep' = {
  name: '${prefix}-platform'
  params: {
    prefix: prefix
    names: allNames
    location: location
    tags: tags
    storageSku: storageSku
    hub: allHub
    hubSize: chosenSize.hub
    sourceAccountNames: accountNames
    quarantineDays: quarantineDays
    sourceRetentionDays: sourceRetentionDays
    isPrivate: isPrivate
    network: allNetwork
    workspaceId: workspaceId
    actionGroupIds: actionGroupIds
    alertEmails: alertEmails
    thresholds: thresholds
    lock: lock
  }
}

module forwarder 'modules/forwarder.bicep' = {
  name: '${prefix}-forwarder'
  params: {
    prefix: prefix
    names: allNames
    location: location
    tags: tags
    storageSku: storageSku
    platform: platform.outputs.all
    sources: allSources
    newSourceAccount: newSourceAccount
    flowLog: flowLog
    containers: containers
    triggerSource: triggerSource
    sourceRetentionDays: sourceRetentionDays
    hubName: allHub.name
    forwarding: forwarding
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: chosenSize.maximumInstances
    workerProcesses: chosenSize.workerProcesses
    isPrivate: isPrivate
    deploymentIpRanges: allNetwork.deploymentIpRanges
    restrictInbound: restrictInbound
    thresholds: thresholds
    lock: lock
  }
}

// For after_deploy.py: phase 2, and the check of the functions.
output APP_NAME string = forwarder.outputs.appName
output APP_PRINCIPAL_ID string = forwarder.outputs.appPrincipalId
output EVENT_HUB string = '${allNames.eventHubNamespace}.servicebus.windows.net/${allHub.name}'
output FLOW_LOG_IDENTITY_ID string = forwarder.outputs.flowLogIdentityId
output AFTER_DEPLOY string = string(forwarder.outputs.afterDeploy)
