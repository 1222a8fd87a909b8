// The app settings, as a list. A module of its own: a list is built from values that are known when it is deployed.

@description('Client id of the app\'s identity.')
param clientId string
@description('Source accounts: connection, blobEndpoint.')
param sources array
@description('Containers to watch in each.')
param containers array
@description('How the app hears of appends: EventGrid, StorageQueue or Sweep.')
param triggerSource string
@description('Host name of the Event Hubs namespace.')
param eventHubHost string
@description('Name of the hub.')
param hubName string
@description('Endpoints: hostBlob, hostQueue, hostTable, stateBlob.')
param endpoints object
@description('Connection string of Application Insights. It holds no secret: ingestion takes the identity only.')
param insightsConnectionString string
@description('Python processes in an instance.')
param workerProcesses int
@description('FLOWLOG_ settings in place of the app\'s defaults: name to value.')
param forwarding object

var fixed = [
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insightsConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${clientId};Authorization=AAD' }
  { name: 'AzureWebJobsStorage__blobServiceUri', value: endpoints.hostBlob }
  { name: 'AzureWebJobsStorage__queueServiceUri', value: endpoints.hostQueue }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: endpoints.hostTable }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: clientId }
  { name: 'FlowLogState__blobServiceUri', value: endpoints.stateBlob }
  { name: 'FlowLogState__credential', value: 'managedidentity' }
  { name: 'FlowLogState__clientId', value: clientId }
  { name: 'FlowLogEventHub__fullyQualifiedNamespace', value: eventHubHost }
  { name: 'FlowLogEventHub__credential', value: 'managedidentity' }
  { name: 'FlowLogEventHub__clientId', value: clientId }
  { name: 'FLOWLOG_EVENTHUB_NAME', value: hubName }
  { name: 'FLOWLOG_STATE', value: 'FlowLogState' }
  { name: 'FLOWLOG_CONTAINERS', value: join(containers, ',') }
  { name: 'FLOWLOG_TRIGGER_SOURCE', value: triggerSource }
  // As many as host.json lets run at once (maxDegreeOfParallelism): executions that overlap are paid for once.
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '16' }
]

// Documented as not valid on Flex Consumption, though the host reads it: so it is set only where asked for.
var processes = workerProcesses > 1 ? [{ name: 'FUNCTIONS_WORKER_PROCESS_COUNT', value: string(workerProcesses) }] : []

var connections = [for source in sources: source.connection]
var sourceNames = [{ name: 'FLOWLOG_SOURCES', value: join(connections, ',') }]
var ofSources = [for source in sources: [
  { name: '${source.connection}__blobServiceUri', value: source.blobEndpoint }
  // The host's own account: the trigger makes its poison queue here, so that the source account needs no queue role.
  { name: '${source.connection}__queueServiceUri', value: endpoints.hostQueue }
  { name: '${source.connection}__credential', value: 'managedidentity' }
  { name: '${source.connection}__clientId', value: clientId }
]]
var chosen = [for setting in items(forwarding): { name: setting.key, value: setting.value }]

output settings array = concat(fixed, processes, sourceNames, flatten(ofSources), chosen)
