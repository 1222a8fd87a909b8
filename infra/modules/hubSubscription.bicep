// The way in for many interfaces: events of one topic go to an event hub, with the topic's own identity.

@description('Name of the system topic.')
param topicName string
@description('Start of the names.')
param prefix string
@description('Containers to subscribe to.')
param containers string[]
@description('Id of the hub that takes the events.')
param announcementHubId string
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
          endpointType: 'EventHub'
          properties: {
            resourceId: announcementHubId
            // All announcements of a blob in one partition: repeats come in one batch, and no two batches run at once.
            deliveryAttributeMappings: [
              { name: 'PartitionKey', type: 'Dynamic', properties: { sourceField: 'subject' } }
            ]
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
