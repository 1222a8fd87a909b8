// Forwards Azure network flow logs to Event Hubs: everything for one region, into one resource group. Phase 1 of 2 with
// the web hook, else all. docs/deploy.md leads through it; main.bicepparam has the parameters.
//
// Conditions, and names of all but role assignments, come from parameters alone, so that a what-if shows what will
// happen: ids are made from names here, and modules don't take them from each other's outputs.

import {
  flowLogType
  forwardingType
  hubSizeType
  hubTransportType
  hubType
  identityType
  instanceMemoryType
  namesType
  networkType
  runLogType
  sizeType
  sourceType
  storageSkuType
  tagsType
  thresholdsType
  triggerSourceType
  watchedSourceType
} from 'types.bicep'
import { zoneNames } from 'modules/network.bicep'

@description('Region. Flow logs are in the region of what they log, and so is what forwards them.')
param location string = resourceGroup().location
@description('Start of the names: lower-case letters and digits.')
@minLength(2)
@maxLength(6)
param prefix string = 'flow'
@description('Names in place of the generated ones.')
param names namesType = {}
@description('Tags of everything that is made.')
param tags tagsType = {}
@description('Whether locks keep state, hub and a new source account from being deleted.')
param lock bool = false
@description('small, or large for some hundred network interfaces and more: see docs/deploy.md, "Sizes".')
param size sizeType = 'small'
@description('Memory of an instance.')
param instanceMemoryMB instanceMemoryType = size == 'large' ? 4096 : 2048
@description('Redundancy of the storage accounts that are made.')
param storageSku storageSkuType = 'Standard_LRS'
@description('Whether the app is in a virtual network, and public endpoints of all that is made are closed.')
param isPrivate bool = false
@description('How the app learns of appends. Event Grid\'s web hook (EventGrid) can\'t reach a private app.')
param triggerSource triggerSourceType = isPrivate ? 'StorageQueue' : 'EventGrid'
@description('Existing identity for the app. Left out: one is made.')
param identity identityType?
@description('Existing source accounts.')
param sources sourceType[] = []
@description('Whether a new source account is made.')
param newSourceAccount bool = empty(sources)
@description('A flow log into the new account.')
param flowLog flowLogType = {}
@description('Containers to watch in each source account. The first is that of network security groups, whose flow logs end on 30 September 2027; virtual networks log into the second.')
param containers string[] = ['insights-logs-networksecuritygroupflowevent', 'insights-logs-flowlogflowevent']
@description('Days that sources keep a flow log; checkpoints are kept a week longer. 0: for ever.')
@minValue(0)
@maxValue(365)
param sourceRetentionDays int = 30
@description('Days that the quarantine keeps an item.')
param quarantineDays int = 30
@description('The hub.')
param hub hubType = {}
@description('How the app reaches the hub. websockets goes through the proxy of HTTPS_PROXY, where forwarding has that.')
param hubTransport hubTransportType = 'amqp'
@description('What the app logs of its runs. Sums by default in a large deployment, where telemetry is most of the cost.')
param runLog runLogType = size == 'large' ? 'minute' : 'each'
@description('FLOWLOG_ settings that differ from the app\'s defaults, and HTTPS_PROXY; not those that the templates set.')
param forwarding forwardingType = {}
@description('Network of a private deployment.')
param network networkType = {}
@description('Whether only Event Grid may call a public app, and nobody where no web hook is used.')
param restrictInbound bool = true
@description('Existing Log Analytics workspace for logs and diagnostic settings. Empty: one is made.')
param workspaceId string = ''
@description('Existing action groups that alerts call.')
param actionGroupIds string[] = []
@description('Addresses that alerts are mailed to.')
param alertEmails string[] = []
@description('Thresholds of alerts in place of the defaults.')
param alertThresholds thresholdsType = {}
@description('Address of a released package of the app. Empty: the code is published after the deployment.')
param packageUri string = ''

var suffix = uniqueString(resourceGroup().id)
var appName = names.?app ?? '${prefix}-app-${suffix}'
var hostAccountName = names.?hostAccount ?? '${prefix}host${suffix}'
var stateAccountName = names.?stateAccount ?? '${prefix}state${suffix}'
var sourceAccountName = names.?sourceAccount ?? '${prefix}logs${suffix}'
var eventHubNamespaceName = names.?eventHubNamespace ?? '${prefix}-hub-${suffix}'
var hubName = hub.?name ?? 'flowlogs'
var announcementHubName = triggerSource == 'EventHub' ? 'flowlog-announcements' : null
var stateAccountId = resourceId('Microsoft.Storage/storageAccounts', stateAccountName)

var isLarge = size == 'large'
var hubSize hubSizeType = {
  partitions: isLarge ? 32 : 4
  throughputUnits: isLarge ? 2 : 1
  maximumThroughputUnits: isLarge ? 20 : 1
}

var newSource = {
  accountId: resourceId('Microsoft.Storage/storageAccounts', sourceAccountName)
  connection: 'FlowLogStorage'
}
var allSources sourceType[] = newSourceAccount ? concat([newSource], sources) : sources
// An id is /subscriptions/{2}/resourceGroups/{4}/providers/Microsoft.Storage/storageAccounts/{8}.
var watched watchedSourceType[] = [
  for source in allSources: {
    accountId: source.accountId
    accountName: split(source.accountId, '/')[8]
    subscriptionId: split(source.accountId, '/')[2]
    resourceGroup: split(source.accountId, '/')[4]
    connection: source.?connection ?? 'FlowLog_${split(source.accountId, '/')[8]}'
    location: empty(source.?location) ? location : source.location!
    topicName: empty(source.?topicName) ? 'flowlog-${split(source.accountId, '/')[8]}' : source.topicName!
    makesTopic: empty(source.?topicName)
    ownerAssignsRoles: source.?ownerAssignsRoles ?? false
    ownerApprovesEndpoint: source.?ownerApprovesEndpoint ?? false
  }
]

var subnetType = 'Microsoft.Network/virtualNetworks/subnets'
var networkName = '${prefix}-vnet'
var makesNetwork = empty(network.?appSubnetId)
var appSubnetId = makesNetwork ? resourceId(subnetType, networkName, 'app') : network.appSubnetId!
var endpointSubnetId = makesNetwork ? resourceId(subnetType, networkName, 'endpoints') : network.endpointSubnetId!
var zoneType = 'Microsoft.Network/privateDnsZones'
var allZoneIds = {
  blob: network.?zoneIds.?blob ?? resourceId(zoneType, zoneNames.blob)
  queue: network.?zoneIds.?queue ?? resourceId(zoneType, zoneNames.queue)
  table: network.?zoneIds.?table ?? resourceId(zoneType, zoneNames.table)
  namespace: network.?zoneIds.?namespace ?? resourceId(zoneType, zoneNames.namespace)
  sites: network.?zoneIds.?sites ?? resourceId(zoneType, zoneNames.sites)
}
var zonesByPolicy = network.?zonesByPolicy ?? false
var privateLink = isPrivate ? { subnetId: endpointSubnetId, zoneIds: zonesByPolicy ? {} : allZoneIds } : null

var insightsName = '${prefix}-insights'
var workspaceName = '${prefix}-logs'
var usedWorkspaceId = empty(workspaceId)
  ? resourceId('Microsoft.OperationalInsights/workspaces', workspaceName)
  : workspaceId
var mailGroupName = '${prefix}-mails'
var mailGroupIds = empty(alertEmails) ? [] : [resourceId('Microsoft.Insights/actionGroups', mailGroupName)]
var allActionGroupIds = concat(actionGroupIds, mailGroupIds)

module privateNetwork 'modules/network.bicep' = if (isPrivate) {
  params: {
    name: networkName
    prefix: prefix
    location: location
    tags: tags
    network: network
  }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    prefix: prefix
    location: location
    tags: tags
    insightsName: insightsName
    workspaceName: workspaceName
    existingWorkspaceId: workspaceId
    mailGroupName: mailGroupName
    alertEmails: alertEmails
    actionGroupIds: allActionGroupIds
    thresholds: alertThresholds
  }
}

module data 'modules/data.bicep' = {
  params: {
    prefix: prefix
    location: location
    tags: tags
    hostAccountName: hostAccountName
    stateAccountName: stateAccountName
    storageSku: storageSku
    eventHubNamespaceName: eventHubNamespaceName
    hubName: hubName
    hubSize: hubSize
    hubRetentionHours: hub.?retentionHours ?? 72
    consumerGroups: hub.?consumerGroups ?? ['reader']
    announcementHubName: announcementHubName
    sourceAccountNames: map(watched, source => source.accountName)
    quarantineDays: quarantineDays
    // A week longer than the logs: a checkpoint that goes first would let its log be forwarded again.
    checkpointDays: sourceRetentionDays > 0 ? sourceRetentionDays + 7 : 0
    privateLink: privateLink
    lock: lock
    workspaceId: usedWorkspaceId
  }
  dependsOn: [monitoring, privateNetwork]
}

module madeSource 'modules/newSource.bicep' = if (newSourceAccount) {
  params: {
    accountName: sourceAccountName
    prefix: prefix
    location: location
    tags: tags
    storageSku: storageSku
    isPrivate: isPrivate
    lock: lock
    workspaceId: usedWorkspaceId
    flowLog: flowLog
    retentionDays: sourceRetentionDays
  }
  dependsOn: [monitoring]
}

module app 'modules/app.bicep' = {
  params: {
    prefix: prefix
    location: location
    tags: tags
    appName: appName
    identityName: names.?identity ?? '${prefix}-app'
    existingIdentity: identity
    hostAccountName: hostAccountName
    stateAccountName: stateAccountName
    eventHubNamespaceName: eventHubNamespaceName
    hubName: hubName
    announcementHubName: announcementHubName
    hubTransport: hubTransport
    runLog: runLog
    insightsName: insightsName
    insightsConnectionString: monitoring.outputs.connectionString
    sources: watched
    containers: containers
    triggerSource: triggerSource
    forwarding: forwarding
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: isLarge ? 100 : 40
    appSubnetId: isPrivate ? appSubnetId : ''
    privateLink: privateLink
    deploymentIpRanges: network.?deploymentIpRanges ?? []
    restrictInbound: restrictInbound
  }
  dependsOn: [data, madeSource, privateNetwork]
}

module sourceAccounts 'modules/sources.bicep' = {
  params: {
    prefix: prefix
    location: location
    tags: tags
    sources: watched
    containers: containers
    triggerSource: triggerSource
    hostAccountName: hostAccountName
    eventHubNamespaceName: eventHubNamespaceName
    announcementHubName: announcementHubName
    stateAccountName: stateAccountName
    privateLink: privateLink
    actionGroupIds: allActionGroupIds
    thresholds: alertThresholds
  }
  dependsOn: [data, madeSource, monitoring, privateNetwork]
}

module package 'modules/package.bicep' = if (!empty(packageUri)) {
  params: {
    appName: appName
    packageUri: packageUri
  }
  dependsOn: [app, sourceAccounts]
}

// For after_deploy.py: phase 2, and the check of the functions.
output APP_NAME string = appName
output APP_PRINCIPAL_ID string = app.outputs.principalId
output EVENT_HUB string = '${eventHubNamespaceName}.servicebus.windows.net/${hubName}'
output FLOW_LOG_IDENTITY_ID string = madeSource.?outputs.identityId ?? ''
output AFTER_DEPLOY string = string({
  appName: appName
  prefix: prefix
  triggerSource: triggerSource
  sources: map(watched, source => {
    connection: source.connection
    topicName: triggerSource == 'Sweep' ? '' : source.topicName!
    subscriptionId: source.subscriptionId
    resourceGroup: source.resourceGroup
  })
  containers: containers
  deadLetterAccountId: stateAccountId
})
