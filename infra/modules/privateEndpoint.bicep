// One private endpoint, with its DNS record where a zone is given.

@description('Name of the endpoint.')
param name string
@description('Region of the subnet.')
param location string
@description('Tags.')
param tags object
@description('Subnet that the endpoint is in.')
param subnetId string
@description('Resource that the endpoint leads to.')
param targetId string
@description('Sub-resource: blob, queue, table, namespace or sites.')
param groupId string
@description('Private DNS zone for its record. Empty: a policy of the landing zone makes the record.')
param zoneId string = ''

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: { privateLinkServiceId: targetId, groupIds: [groupId] }
      }
    ]
  }
}

resource record 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = if (!empty(zoneId)) {
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
