// The way in by web hook: events of one topic go to the blob triggers of the app. Part of phase 2.

@description('Name of the system topic.')
param topicName string
@description('Start of the names.')
param prefix string
@description('Name of the app\'s connection to the topic\'s account.')
param connection string
@description('Containers to subscribe to.')
param containers string[]
@description('Host name of the app.')
param appHostName string
@description('The app\'s system key blobs_extension.')
@secure()
param blobsExtensionKey string
@description('Id of the account that takes dead letters.')
param deadLetterAccountId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for container in containers: {
    parent: topic
    name: take('${prefix}-${container}', 64)
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        // Subject filters only: advanced ones may be billed as operations.
        subjectBeginsWith: '/blobServices/default/containers/${container}/blobs/'
        subjectEndsWith: '/PT1H.json'
        isSubjectCaseSensitive: true
      }
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
      destination: {
        endpointType: 'WebHook'
        properties: {
          // The name of the function must be the one that function_app.py registers; tests/infra compares them. The key in
          // it is a secret parameter, which not every version of the linter sees.
          #disable-next-line use-secure-value-for-secure-inputs
          endpointUrl: 'https://${appHostName}/runtime/webhooks/blobs?functionName=Host.Functions.forward_${connection}_${container}&code=${blobsExtensionKey}'
          maxEventsPerBatch: 1
          minimumTlsVersionAllowed: '1.2'
        }
      }
      deadLetterWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: { resourceId: deadLetterAccountId, blobContainerName: 'flowlog-dead-letters' }
        }
      }
    }
  }
]
