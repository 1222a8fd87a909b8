// The network of a private deployment: two subnets and the DNS zones. What the landing zone has is taken from it.

import { networkType, tagsType } from '../types.bicep'

@description('Name of a network that is made.')
param name string
@description('Start of the other names.')
param prefix string
@description('Region.')
param location string
@description('Tags.')
param tags tagsType
@description('What the landing zone has, and addresses of what is made.')
param network networkType

// Those of the public cloud, in letters: what environment() says of it is not known to a snapshot.
@export()
@description('Names of the private DNS zones, by sub-resource.')
var zoneNames = {
  #disable-next-line no-hardcoded-env-urls
  blob: 'privatelink.blob.core.windows.net'
  #disable-next-line no-hardcoded-env-urls
  queue: 'privatelink.queue.core.windows.net'
  #disable-next-line no-hardcoded-env-urls
  table: 'privatelink.table.core.windows.net'
  namespace: 'privatelink.servicebus.windows.net'
  sites: 'privatelink.azurewebsites.net'
}

var makesNetwork = empty(network.?appSubnetId)
var networkId = makesNetwork ? made.id : split(network.?appSubnetId ?? '', '/subnets/')[0]
var appSubnetRange = network.?appSubnetRange ?? '10.20.0.0/26'
var endpointSubnetRange = network.?endpointSubnetRange ?? '10.20.0.64/26'
var zonesByPolicy = network.?zonesByPolicy ?? false
var zonesToMake = filter(items(zoneNames), zone => !zonesByPolicy && !contains(network.?zoneIds ?? {}, zone.key))

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2026-03-01' = if (makesNetwork) {
  name: '${prefix}-nsg'
  location: location
  tags: tags
  properties: {
    // The app is only ever called through the platform, and endpoints by the app: what the defaults allow suffices.
    securityRules: []
  }
}

resource made 'Microsoft.Network/virtualNetworks@2026-03-01' = if (makesNetwork) {
  name: name
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

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for each in zonesToMake: {
    name: each.value
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (each, i) in zonesToMake: {
    parent: zone[i]
    name: '${prefix}-vnet'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: networkId }
    }
  }
]
