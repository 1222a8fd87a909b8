// Ids of the built-in roles that are assigned: learn.microsoft.com, "Azure built-in roles".

@export()
@description('Ids of built-in roles.')
var builtInRoles = {
  // Storage Blob Data Owner
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  // Storage Blob Data Contributor
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  // Storage Blob Data Reader
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  // Storage Queue Data Contributor
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  // Storage Queue Data Message Sender
  queueSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  // Storage Table Data Contributor
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  // Azure Event Hubs Data Sender
  hubSender: '2b629674-e913-4c01-ae53-ef4638d8f975'
  // Azure Event Hubs Data Receiver
  hubReceiver: 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
  // Monitoring Metrics Publisher
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}
