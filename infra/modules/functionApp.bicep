// The Functions app on a Flex Consumption plan of its own.

import { instanceMemoryType, settingType, tagsType } from '../types.bicep'

@description('Name of the app.')
param name string
@description('Name of the plan.')
param planName string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Id of the user-assigned identity that the app and its deployments use.')
param identityId string
@description('App settings: name and value.')
param settings settingType[]
@description('URL of the blob container that holds the package of the code.')
param packageUrl string
@description('Memory of an instance.')
param instanceMemoryMB instanceMemoryType
@description('Instances at most: 40 to 1,000.')
param maximumInstances int
@description('Whether events come by web hook: then one instance is always ready, and Event Grid is let in.')
param usesWebHook bool
@description('Whether the app is in a virtual network and closed to public callers.')
param isPrivate bool
@description('Subnet of the app, delegated to Microsoft.App/environments. Empty: none.')
param subnetId string
@description('IPv4 ranges that code may be deployed from where the app is private. Empty: only from within the network.')
param deploymentIpRanges string[]
@description('Whether only Event Grid may call a public app, and nobody where no web hook is used.')
param restrictInbound bool

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  // checkov:skip=CKV_AZURE_225: zones would ask for two always-ready instances; what an outage delays, the sweep forwards
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

var eventGridRules = usesWebHook
  ? [
      { name: 'event-grid', priority: 100, action: 'Allow', tag: 'ServiceTag', ipAddress: 'AzureEventGrid' }
    ]
  : []
var deploymentRules = [
  for (range, i) in deploymentIpRanges: {
    name: 'deployment-${i}'
    priority: 100 + i
    action: 'Allow'
    ipAddress: range
  }
]
var hasPublicEndpoint = !isPrivate || !empty(deploymentIpRanges)

resource app 'Microsoft.Web/sites@2025-03-01' = {
  // checkov:skip=CKV_AZURE_212: instances are added and removed by the platform as events come
  // checkov:skip=CKV_AZURE_213: there is nothing to ask over HTTP; the alert "silence" tells whether the app lives
  // checkov:skip=CKV_AZURE_17: Event Grid, the only caller, has no client certificate
  // checkov:skip=CKV_AZURE_78: Flex Consumption refuses ftpsState, and has no FTP
  // checkov:skip=CKV_AZURE_222: the web hook must be reachable; rules below let in Event Grid alone, isPrivate nobody
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: hasPublicEndpoint ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        // A cold app has answered Event Grid before its key was loaded: 401, and the event was dropped.
        alwaysReady: usesWebHook ? [{ name: 'blob', instanceCount: 1 }] : []
      }
    }
    siteConfig: {
      appSettings: settings
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictionsDefaultAction: restrictInbound || isPrivate ? 'Deny' : 'Allow'
      ipSecurityRestrictions: eventGridRules
      scmIpSecurityRestrictionsDefaultAction: isPrivate ? 'Deny' : 'Allow'
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictions: isPrivate ? deploymentRules : []
    }
  }
}

// Deployments prove themselves by Entra ID; passwords for publishing are off.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}
