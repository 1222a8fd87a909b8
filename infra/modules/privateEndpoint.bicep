// One private endpoint, with its DNS record where a zone is named.

import { tagsType } from '../types.bicep'

@description('Name of the endpoint.')
param name string
@description('Region of the subnet.')
param location string
@description('Tags.')
param tags tagsType
@description('Subnet that the endpoint is in.')
param subnetId string
@description('Resource that the endpoint leads to.')
param targetId string
@description('Sub-resource: blob, queue, table, namespace or sites.')
param groupId string
@description('Private DNS zone for its record. Empty: a policy of the landing zone makes the record.')
param zoneId string
@description('Whether the owner of the resource has to approve the endpoint, which then waits for that.')
param ownerApproves bool = false

var connections = [
  {
    name: groupId
    properties: { privateLinkServiceId: targetId, groupIds: [groupId] }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    // The first kind needs the right to approve, which only the owner of the resource has.
    privateLinkServiceConnections: ownerApproves ? [] : connections
    manualPrivateLinkServiceConnections: ownerApproves ? connections : []
  }
}

resource record 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2026-03-01' = if (!empty(zoneId)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: groupId
        properties: { privateDnsZoneId: zoneId }
      }
    ]
  }
}
