// A storage account without keys: one each for the host, for the state, and for new flow logs.

import { storageSkuType, tagsType } from '../types.bicep'

@description('Name of the account: lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param name string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('Redundancy.')
param sku storageSkuType
@description('Names of the blob containers to make.')
param containers string[]
@description('Names of the queues to make.')
param queues string[] = []
@description('Whether the public endpoint is closed to all but trusted services.')
param isPrivate bool
@description('Whether a lock keeps the account from being deleted.')
param lock bool
@description('Workspace for logs of failed and denied requests.')
param workspaceId string

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' = {
  // checkov:skip=CKV_AZURE_206: redundancy within the region is a parameter; across regions it gains nothing, since the flow logs are in this one
  // checkov:skip=CKV_AZURE_59: isPrivate closes the public endpoint; without it the app has no other way in
  // checkov:skip=CKV_AZURE_35: without private networking the app and Event Grid come from addresses that are not known beforehand
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: {
        blob: { enabled: true, keyType: 'Account' }
        queue: { enabled: true, keyType: 'Account' }
        table: { enabled: true, keyType: 'Account' }
      }
    }
    networkAcls: {
      // Trusted services: Network Watcher writes flow logs, Event Grid delivers to the queue and dead-letters.
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    // Versioning would keep a copy of every checkpoint, one for each append.
    isVersioningEnabled: false
    changeFeed: { enabled: false }
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01' = [
  for containerName in containers: {
    parent: blobs
    name: containerName
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-06-01' = if (!empty(queues)) {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-06-01' = [
  for queueName in queues: {
    parent: queueService
    name: queueName
  }
]

resource accountLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: account
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds what the flow-log forwarder needs to go on where it stopped.' }
}

// No stable version of this type has workspaces and categories.
#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'flowlog'
  properties: {
    workspaceId: workspaceId
    // Deletions only: a log line for each read and write would cost more than the forwarding.
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}
