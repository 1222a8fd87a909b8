// The way in without a key: events of one topic go to a storage queue, with the topic's own identity.

@description('Name of the system topic.')
param topicName string
@description('Start of the names.')
param prefix string
@description('Containers to subscribe to.')
param containers string[]
@description('Id of the account with the queue.')
param queueAccountId string
@description('Name of the queue.')
param queueName string
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
      deliveryWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        destination: {
          endpointType: 'StorageQueue'
          properties: {
            resourceId: queueAccountId
            queueName: queueName
            // A day later the sweep has long forwarded what the message announces.
            queueMessageTimeToLiveInSeconds: 86400
          }
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
