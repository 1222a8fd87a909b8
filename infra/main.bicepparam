// Parameters of main.bicep. As it stands: a small deployment with a new account for flow logs, open to the internet by
// name but to callers with a role only. docs/deploy.md tells what else there is.
using 'main.bicep'

param prefix = 'flow'
param size = 'small'

// Existing source accounts, as infra/scripts/find_sources.py writes them down.
param sources = json(readEnvironmentVariable('DEPLOY_SOURCES', '[]'))

// What is logged into a new account: the id of a virtual network, subnet or network interface. Empty: nothing yet.
param flowLog = {
  targetId: readEnvironmentVariable('DEPLOY_FLOW_LOG_TARGET', '')
}

// A consumer group for each system that reads the hub.
param hub = {
  consumerGroups: ['reader']
}

// Settings of the app that differ from its defaults, such as FLOWLOG_EVENT_COMPRESSION: 'gzip',
// or FLOWLOG_SCHEMA: 'ecs'.
param forwarding = {
  FLOWLOG_START: 'now'
}
