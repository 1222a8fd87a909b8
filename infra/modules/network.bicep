// The network of a private deployment: two subnets and the DNS zones. What the landing zone has is taken from it.

@description('Start of the names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Addresses of the subnet that is made for the app: a /27 or larger.')
param appSubnetRange string
@description('Addresses of the subnet that is made for private endpoints: a /28 or larger.')
param endpointSubnetRange string
@description('Existing subnet for the app, delegated to Microsoft.App/environments. Empty: a network with both subnets is made.')
param appSubnetId string
@description('Existing subnet for private endpoints. Goes with appSubnetId.')
param endpointSubnetId string
@description('Existing private DNS zones by sub-resource: blob, queue, table, namespace, sites. Those left out are made.')
param zoneIds object
@description('Whether policies of the landing zone make the DNS records: then no zone is made or used.')
param zonesByPolicy bool

var makesNetwork = empty(appSubnetId)
var networkId = makesNetwork ? network.id : split(appSubnetId, '/subnets/')[0]
var zoneNames = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  namespace: 'privatelink.servicebus.windows.net'
  sites: 'privatelink.azurewebsites.net'
}
var groupIds = ['blob', 'queue', 'table', 'namespace', 'sites']

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = if (makesNetwork) {
  name: '${prefix}-nsg'
  location: location
  tags: tags
  properties: {
    // The app is only ever called through the platform, and endpoints by the app: what the defaults allow suffices.
    securityRules: []
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = if (makesNetwork) {
  name: '${prefix}-vnet'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [appSubnetRange, endpointSubnetRange] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: appSubnetRange
          delegations: [{ name: 'app', properties: { serviceName: 'Microsoft.App/environments' } }]
          networkSecurityGroup: { id: securityGroup.id }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointSubnetRange
          networkSecurityGroup: { id: securityGroup.id }
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for groupId in groupIds: if (!zonesByPolicy && !contains(zoneIds, groupId)) {
  name: zoneNames[groupId]
  location: 'global'
  tags: tags
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (groupId, i) in groupIds: if (!zonesByPolicy && !contains(zoneIds, groupId)) {
  parent: zone[i]
  name: '${prefix}-vnet'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}]

var madeZoneIds = {
  blob: resourceId('Microsoft.Network/privateDnsZones', zoneNames.blob)
  queue: resourceId('Microsoft.Network/privateDnsZones', zoneNames.queue)
  table: resourceId('Microsoft.Network/privateDnsZones', zoneNames.table)
  namespace: resourceId('Microsoft.Network/privateDnsZones', zoneNames.namespace)
  sites: resourceId('Microsoft.Network/privateDnsZones', zoneNames.sites)
}
var noZoneIds = { blob: '', queue: '', table: '', namespace: '', sites: '' }

output appSubnetId string = makesNetwork ? resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'app') : appSubnetId
output endpointSubnetId string = makesNetwork ? resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'endpoints') : endpointSubnetId
output zoneIds object = zonesByPolicy ? noZoneIds : union(madeZoneIds, zoneIds)
