// The app: its identity, that one's roles, its settings, and the Functions app itself.

import {
  forwardingType
  hubTransportType
  identityType
  instanceMemoryType
  privateLinkType
  runLogType
  tagsType
  triggerSourceType
  watchedSourceType
} from '../types.bicep'

@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Name of the app.')
param appName string
@description('Name of an identity that is made.')
param identityName string
@description('Existing identity. Left out: one is made.')
param existingIdentity identityType?
@description('Storage account of the Functions host.')
param hostAccountName string
@description('Storage account for checkpoints and quarantine.')
param stateAccountName string
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Name of the hub.')
param hubName string
@description('Hub of announcements. Left out: there is none.')
param announcementHubName string?
@description('How the app reaches the hub.')
param hubTransport hubTransportType
@description('What the app logs of its runs.')
param runLog runLogType
@description('Name of Application Insights.')
param insightsName string
@description('Connection string of Application Insights.')
param insightsConnectionString string
@description('Source accounts.')
param sources watchedSourceType[]
@description('Containers to watch in each.')
param containers string[]
@description('How the app learns of appends.')
param triggerSource triggerSourceType
@description('FLOWLOG_ settings in place of the app\'s defaults.')
param forwarding forwardingType
@description('Memory of an instance.')
param instanceMemoryMB instanceMemoryType
@description('Instances at most.')
param maximumInstances int
@description('Subnet of a private app. Empty: the app is not in a network.')
param appSubnetId string
@description('Where the app\'s private endpoint goes. Left out: the app is public.')
param privateLink privateLinkType?
@description('IPv4 ranges that code may be deployed from where the app is private.')
param deploymentIpRanges string[]
@description('Whether only Event Grid may call a public app.')
param restrictInbound bool

var makesIdentity = existingIdentity == null

resource made 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (makesIdentity) {
  name: identityName
  location: location
  tags: tags
}

var identityId = makesIdentity ? made.id : existingIdentity!.id
var principalId = makesIdentity ? made!.properties.principalId : existingIdentity!.principalId
var clientId = makesIdentity ? made!.properties.clientId : existingIdentity!.clientId

module roles 'appRoles.bicep' = {
  params: {
    // The name of a role assignment keeps the principal's id: see appRoles.bicep.
    #disable-next-line what-if-short-circuiting
    appPrincipalId: principalId
    hostAccountName: hostAccountName
    stateAccountName: stateAccountName
    eventHubNamespaceName: eventHubNamespaceName
    eventHubName: hubName
    announcementHubName: announcementHubName
    insightsName: insightsName
    sources: sources
    containers: containers
  }
}

module settings 'appSettings.bicep' = {
  params: {
    clientId: clientId
    sources: sources
    containers: containers
    triggerSource: triggerSource
    hostAccountName: hostAccountName
    stateAccountName: stateAccountName
    eventHubNamespaceName: eventHubNamespaceName
    hubName: hubName
    announcementHubName: announcementHubName
    hubTransport: hubTransport
    runLog: runLog
    insightsConnectionString: insightsConnectionString
    forwarding: forwarding
  }
}

module app 'functionApp.bicep' = {
  params: {
    name: appName
    planName: '${prefix}-plan'
    location: location
    tags: tags
    identityId: identityId
    settings: settings.outputs.settings
    packageUrl: 'https://${hostAccountName}.blob.${environment().suffixes.storage}/app-package'
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    usesWebHook: triggerSource == 'EventGrid'
    isPrivate: privateLink != null
    subnetId: appSubnetId
    deploymentIpRanges: deploymentIpRanges
    restrictInbound: restrictInbound
  }
  // The host reads its account, and the app its state and its sources, as soon as they start.
  dependsOn: [roles]
}

module endpoint 'privateEndpoint.bicep' = if (privateLink != null) {
  params: {
    name: '${prefix}-app'
    location: location
    tags: tags
    subnetId: privateLink.?subnetId ?? ''
    targetId: resourceId('Microsoft.Web/sites', appName)
    groupId: 'sites'
    zoneId: privateLink.?zoneIds.?sites ?? ''
  }
  dependsOn: [app]
}

output principalId string = principalId
