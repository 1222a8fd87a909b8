// Types of parameters, of main.bicep and of what it is made of. What may be left out is marked with a question mark.

@export()
@description('Tags: name to value.')
type tagsType = { *: string }

@export()
@description('Names in place of the generated ones.')
type namesType = {
  @description('Functions app.')
  app: string?
  @description('User-assigned identity of the app.')
  identity: string?
  @description('Storage account of the Functions host.')
  hostAccount: string?
  @description('Storage account for checkpoints and quarantine.')
  stateAccount: string?
  @description('New storage account for flow logs.')
  sourceAccount: string?
  @description('Event Hubs namespace.')
  eventHubNamespace: string?
}

@export()
@description('Size of a deployment: docs/deploy.md, "Sizes".')
type sizeType = 'small' | 'large'

@export()
@description('Memory of an instance in MB; a quarter of a core, one core or two cores come with it.')
type instanceMemoryType = 512 | 2048 | 4096

@export()
@description('Redundancy of a storage account within its region.')
type storageSkuType = 'Standard_LRS' | 'Standard_ZRS'

@export()
@description('How the app learns of appends: docs/deploy.md, "The ways in".')
type triggerSourceType = 'EventGrid' | 'StorageQueue' | 'EventHub' | 'Sweep'

@export()
@description('How the app reaches the hub: amqp, on port 5671, or websockets, on port 443 and through a proxy.')
type hubTransportType = 'amqp' | 'websockets'

@export()
@description('What the app logs of its runs: a line for each pass, or sums once a minute; see docs/telemetry.md.')
type runLogType = 'each' | 'minute'

@export()
@description('An existing identity that another team made for the app.')
type identityType = {
  @description('Resource id of the user-assigned identity.')
  id: string
  @description('Its object id, which roles are assigned to.')
  principalId: string
  @description('Its client id, which the app signs in with.')
  clientId: string
}

@export()
@description('An existing storage account that Network Watcher writes to.')
type sourceType = {
  @description('Resource id of the account, in any resource group and subscription of the tenant.')
  accountId: string
  @description('Name of its settings in the app. Left out: FlowLog_ and the name of the account.')
  connection: string?
  @description('Region of the account. Left out or empty: that of the deployment.')
  location: string?
  @description('The Event Grid system topic that the account has already. Left out or empty: one is made.')
  topicName: string?
  @description('Whether the owner of the account deploys sourceRole.bicep, and this deployment assigns no role there.')
  ownerAssignsRoles: bool?
  @description('Whether the owner of the account approves the private endpoint to it, which waits for that.')
  ownerApprovesEndpoint: bool?
}

@export()
@description('A source account, new or existing, with all that is known of it before a deployment.')
type watchedSourceType = {
  @description('Resource id of the account.')
  accountId: string
  @description('Name of the account.')
  accountName: string
  @description('Its subscription.')
  subscriptionId: string
  @description('Its resource group.')
  resourceGroup: string
  @description('Name of its settings in the app.')
  connection: string
  @description('Its region.')
  location: string
  @description('Name of its system topic, existing or to be made.')
  topicName: string
  @description('Whether the topic is made.')
  makesTopic: bool
  @description('Whether its owner assigns the app\'s role.')
  ownerAssignsRoles: bool
  @description('Whether its owner approves the private endpoint.')
  ownerApprovesEndpoint: bool
}

@export()
@description('A source as phase 2 takes it.')
type subscribedSourceType = {
  @description('Name of its settings in the app.')
  connection: string
  @description('Name of its system topic.')
  topicName: string
  @description('Its subscription.')
  subscriptionId: string
  @description('Its resource group.')
  resourceGroup: string
}

@export()
@description('A flow log into the new source account.')
type flowLogType = {
  @description('Id of what is logged: a virtual network, subnet or network interface. Empty: no flow log is made. Not a network security group: logs of these can\'t be made any more, and those there are end on 30 September 2027.')
  targetId: string?
  @description('The region\'s Network Watcher. Left out: NetworkWatcher_ and the region.')
  networkWatcherName: string?
  @description('Its resource group. Left out: NetworkWatcherRG.')
  networkWatcherGroup: string?
  @description('Preview: which flows are logged at all, in Azure\'s filter language. Left out: all.')
  enabledFilteringCriteria: string?
  @description('Preview: which records are logged, such as B,E (begin and end). Left out: all.')
  recordTypes: string?
}

@export()
@description('The hub.')
type hubType = {
  @description('Name. Left out: flowlogs.')
  name: string?
  @description('A consumer group for each system that reads. Left out: reader.')
  consumerGroups: string[]?
  @description('Hours that events are kept. Left out: 72.')
  @minValue(1)
  @maxValue(168)
  retentionHours: int?
}

@export()
@description('How much the hub takes: partitions can\'t be changed later, a throughput unit is 1 MB/s or 1,000 events/s.')
type hubSizeType = {
  @description('Partitions of the hub.')
  partitions: int
  @description('Throughput units of the namespace.')
  throughputUnits: int
  @description('Units up to which the namespace grows by itself. The same as throughputUnits: it doesn\'t.')
  maximumThroughputUnits: int
}

@export()
@description('Ids of private DNS zones, by the sub-resource whose records they hold.')
type zoneIdsType = {
  @description('The zone for blobs.')
  blob: string?
  @description('The zone for queues.')
  queue: string?
  @description('The zone for tables.')
  table: string?
  @description('The zone for Event Hubs namespaces.')
  namespace: string?
  @description('The zone for Functions apps.')
  sites: string?
}

@export()
@description('Network of a private deployment. What is left out is made.')
type networkType = {
  @description('Existing subnet for the app, delegated to Microsoft.App/environments: /27 or larger.')
  appSubnetId: string?
  @description('Existing subnet for private endpoints. Goes with appSubnetId.')
  endpointSubnetId: string?
  @description('Addresses of the subnet that is made for the app. Left out: 10.20.0.0/26.')
  appSubnetRange: string?
  @description('Addresses of the subnet that is made for private endpoints. Left out: 10.20.0.64/26.')
  endpointSubnetRange: string?
  @description('Existing private DNS zones.')
  zoneIds: zoneIdsType?
  @description('Whether policies of the landing zone make the DNS records: then no zone is made or used.')
  zonesByPolicy: bool?
  @description('IPv4 ranges that code may be deployed from. Left out: only from within the network.')
  deploymentIpRanges: string[]?
}

@export()
@description('Settings of the app: name to value.')
type forwardingType = { *: string }

@export()
@description('One app setting.')
type settingType = {
  @description('Its name.')
  name: string
  @description('Its value.')
  value: string
}

@export()
@description('Thresholds in place of the defaults. docs/operations.md has an entry for each alert.')
type thresholdsType = {
  @description('lag: seconds that forwarded flows may be old, or that a blob may wait. Left out: 900.')
  lagSeconds: int?
  @description('quarantine: records and tuples within 15 minutes that may not be decodable. Left out: 0.')
  quarantined: int?
  @description('poison: messages within 15 minutes that may have failed for good. Left out: 0.')
  poisoned: int?
  @description('throttling: waits for a busy hub within 15 minutes. Left out: 20.')
  throttled: int?
  @description('failures: executions and runs within 15 minutes that may fail. Left out: 5.')
  failures: int?
  @description('sweep: sweeps within an hour, of twelve, that may leave something to the next one. Left out: 6.')
  unfinishedSweeps: int?
  @description('silence: minutes without a sweep, which runs every five. Left out: 15.')
  silentMinutes: (10 | 15 | 30 | 45)?
  @description('silent sources: containers that may have got nothing for FLOWLOG_SILENT_MINUTES. Left out: 0.')
  silentSources: int?
  @description('dead letters: events within 15 minutes that Event Grid may give up. Left out: 0.')
  deadLetters: int?
  @description('delivery failures: attempts of Event Grid within 15 minutes that may fail. Left out: 50.')
  deliveryFailures: int?
}

@export()
@description('Where private endpoints go: their subnet, and the zones for their records. No zone: policies make them.')
type privateLinkType = {
  @description('Subnet of the endpoints.')
  subnetId: string
  @description('Zones for their records.')
  zoneIds: zoneIdsType
}
