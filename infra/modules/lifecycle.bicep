// What may be deleted from the state account, and when. Nothing else of it ever is: the time of the first run stays.

@description('Name of the state account.')
param stateAccountName string
@description('Host name of the Event Hubs namespace and name of the hub, with a slash between: what checkpoints belong to.')
param destination string
@description('Names of the source accounts.')
param sourceAccountNames string[]
@description('Days after which an item of the quarantine is deleted.')
param quarantineDays int
@description('Days after its last commit at which a checkpoint is deleted. 0: never.')
param checkpointDays int

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: stateAccountName
}

var quarantineRules = [
  {
    name: 'quarantine'
    enabled: true
    type: 'Lifecycle'
    definition: {
      filters: { blobTypes: ['blockBlob'], prefixMatch: ['flowlog-quarantine/'] }
      actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: quarantineDays } } }
    }
  }
]

// By source account: beside their checkpoints the container holds the time of the first run, which must stay.
var checkpointRules = [
  for name in sourceAccountNames: {
    name: 'checkpoints-${name}'
    enabled: true
    type: 'Lifecycle'
    definition: {
      filters: { blobTypes: ['blockBlob'], prefixMatch: ['flowlog-checkpoints/${destination}/${name}/'] }
      actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: checkpointDays } } }
    }
  }
]

// Replays have checkpoints of their own, beside those of the source accounts.
var replayRules = [
  {
    name: 'replays'
    enabled: true
    type: 'Lifecycle'
    definition: {
      filters: { blobTypes: ['blockBlob'], prefixMatch: ['flowlog-checkpoints/${destination}/replay='] }
      actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: checkpointDays } } }
    }
  }
]

resource policy 'Microsoft.Storage/storageAccounts/managementPolicies@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: { rules: concat(quarantineRules, checkpointDays > 0 ? concat(checkpointRules, replayRules) : []) }
  }
}
