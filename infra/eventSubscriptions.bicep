// Phase 2 of the way in by web hook, to be deployed after the code, and again whenever Event Grid is refused with 401:
// the key that the web hook asks for exists only once the host has run with the code. It goes from the app to Event
// Grid within this deployment; nothing prints or keeps it.

import { subscribedSourceType } from 'types.bicep'

@description('Name of the app.')
param appName string
@description('Start of the names.')
param prefix string
@description('Sources as main.bicep gives them out: connection, topicName, subscriptionId, resourceGroup.')
param sources subscribedSourceType[]
@description('Containers to subscribe to.')
param containers string[]
@description('Id of the account that takes dead letters.')
param deadLetterAccountId string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

module webHooks 'modules/webHookSubscription.bicep' = [
  for source in sources: {
    scope: resourceGroup(source.subscriptionId, source.resourceGroup)
    params: {
      topicName: source.topicName
      prefix: prefix
      connection: source.connection
      containers: containers
      appHostName: app.properties.defaultHostName
      blobsExtensionKey: listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension
      deadLetterAccountId: deadLetterAccountId
    }
  }
]
