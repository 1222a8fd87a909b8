// The app settings, as a list. A module of its own: a list is built from values that are known when it is deployed.

import { forwardingType, hubTransportType, runLogType, settingType, triggerSourceType, watchedSourceType } from '../types.bicep'

@description('Client id of the app\'s identity.')
param clientId string
@description('Source accounts.')
param sources watchedSourceType[]
@description('Containers to watch in each.')
param containers string[]
@description('How the app learns of appends.')
param triggerSource triggerSourceType
@description('Storage account of the Functions host.')
param hostAccountName string
@description('Storage account for checkpoints and quarantine.')
param stateAccountName string
@description('Event Hubs namespace.')
param eventHubNamespaceName string
@description('Name of the hub.')
param hubName string
@description('Hub of announcements. Left out: there is none.')
param announcementHubName string?
@description('How the app reaches the hub.')
param hubTransport hubTransportType
@description('What the app logs of its runs.')
param runLog runLogType
@description('Connection string of Application Insights. It holds no secret: ingestion takes the identity only.')
param insightsConnectionString string
@description('FLOWLOG_ settings in place of the app\'s defaults.')
param forwarding forwardingType

var storage = environment().suffixes.storage
var hostQueueUri = 'https://${hostAccountName}.queue.${storage}/'

var fixed = [
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insightsConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${clientId};Authorization=AAD' }
  // Beside the URIs: without the name some of the host's parts start before they have a client. They build addresses
  // from it that are right in the public cloud, which is the one that these templates are for.
  { name: 'AzureWebJobsStorage__accountName', value: hostAccountName }
  { name: 'AzureWebJobsStorage__blobServiceUri', value: 'https://${hostAccountName}.blob.${storage}/' }
  { name: 'AzureWebJobsStorage__queueServiceUri', value: hostQueueUri }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: 'https://${hostAccountName}.table.${storage}/' }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: clientId }
  { name: 'FlowLogState__blobServiceUri', value: 'https://${stateAccountName}.blob.${storage}/' }
  { name: 'FlowLogState__credential', value: 'managedidentity' }
  { name: 'FlowLogState__clientId', value: clientId }
  { name: 'FlowLogEventHub__fullyQualifiedNamespace', value: '${eventHubNamespaceName}.servicebus.windows.net' }
  { name: 'FlowLogEventHub__credential', value: 'managedidentity' }
  { name: 'FlowLogEventHub__clientId', value: clientId }
  { name: 'FLOWLOG_EVENTHUB_NAME', value: hubName }
  { name: 'FLOWLOG_EVENTHUB_TRANSPORT', value: hubTransport }
  { name: 'FLOWLOG_RUN_LOG', value: runLog }
  { name: 'FLOWLOG_STATE', value: 'FlowLogState' }
  { name: 'FLOWLOG_SOURCES', value: join(map(sources, source => source.connection), ',') }
  { name: 'FLOWLOG_CONTAINERS', value: join(containers, ',') }
  { name: 'FLOWLOG_TRIGGER_SOURCE', value: triggerSource }
  // As many as host.json lets run at once, of blobs and of messages: executions that overlap are paid for once.
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '16' }
]

var ofAnnouncements = announcementHubName == null
  ? []
  : [{ name: 'FLOWLOG_ANNOUNCEMENT_HUB', value: announcementHubName! }]

var ofSources = [
  for source in sources: [
    {
      name: '${source.connection}__blobServiceUri'
      value: 'https://${source.accountName}.blob.${storage}/'
    }
    // The host's own account: the trigger makes its poison queue here, so that the source account needs no queue role.
    { name: '${source.connection}__queueServiceUri', value: hostQueueUri }
    { name: '${source.connection}__credential', value: 'managedidentity' }
    { name: '${source.connection}__clientId', value: clientId }
  ]
]
var chosen = map(items(forwarding), setting => { name: setting.key, value: setting.value })

output settings settingType[] = concat(fixed, ofAnnouncements, flatten(ofSources), chosen)
